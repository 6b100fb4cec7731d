// What a user of the client that hey-api generates does: list, filter, page, read one, and meet a 404 and a 422.
import { client } from "./generated/hey-api/client.gen";
import { getBudgetSummary, getMeasure, listBudgetLines, listMeasures } from "./generated/hey-api/sdk.gen";

export async function useHeyApi(address: string, check: (what: string, holds: boolean) => void): Promise<void> {
  client.setConfig({ baseUrl: address });

  const lines = await listBudgetLines({ query: { ministry: ["mext", "mhlw"], sort: "amount", order: "desc" } });
  check("two ministries", lines.data?.meta.total === 9);
  check("a large amount", lines.data?.data[0]?.amount.jpy === 168_800_000_000);

  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await listMeasures({ query: cursor ? { limit: 5, cursor } : { limit: 5 } });
    seen.push(...(page.data?.data ?? []).map((measure) => measure.id));
    const next: string | null = page.data?.links.next ?? null;
    cursor = next ? (new URL(next, address).searchParams.get("cursor") ?? undefined) : undefined;
  } while (cursor);
  check("every measure once", new Set(seen).size === 22 && seen.length === 22);

  const measure = await getMeasure({ path: { id: "biosimilar-uptake" } });
  check("an item", measure.data?.name.ja === "バイオシミラーの使用促進" && measure.data.pillar === null);

  const missing = await getMeasure({ path: { id: "biosimilar-uptak" } });
  check("a typed 404", missing.error?.status === 404);

  const refused = await listBudgetLines({ query: { ministry: ["mhwl"] } });
  check("a typed 422", refused.error?.errors[0]?.did_you_mean === "mhlw");

  const summary = await getBudgetSummary({ query: { group_by: ["ministry"] } });
  check("a sum", summary.data?.total.oku_yen === "3161");
}
