// What a user of openapi-fetch does: list, filter, page, read one, and meet a 404 and a 422.
import createClient from "openapi-fetch";
import type { paths } from "./generated/openapi-typescript/schema";

export async function useOpenapiFetch(address: string, check: (what: string, holds: boolean) => void): Promise<void> {
  const client = createClient<paths>({ baseUrl: address });

  const lines = await client.GET("/v1/budget-lines", { params: { query: { ministry: ["mext", "mhlw"], facet: ["pillar"] } } });
  check("two ministries", lines.data?.meta.total === 9);
  check("a facet", lines.data?.facets["pillar"]?.buckets.length === 6);

  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await client.GET("/v1/measures", { params: { query: cursor ? { limit: 5, cursor } : { limit: 5 } } });
    seen.push(...(page.data?.data ?? []).map((measure) => measure.id));
    const next: string | null = page.data?.links.next ?? null;
    cursor = next ? (new URL(next, address).searchParams.get("cursor") ?? undefined) : undefined;
  } while (cursor);
  check("every measure once", new Set(seen).size === 22 && seen.length === 22);

  const measure = await client.GET("/v1/measures/{id}", { params: { path: { id: "biosimilar-uptake" } } });
  check("an item", measure.data?.kind === "direction");

  const missing = await client.GET("/v1/measures/{id}", { params: { path: { id: "biosimilar-uptak" } } });
  check("a typed 404", missing.error?.status === 404);

  const refused = await client.GET("/v1/budget-lines", { params: { query: { ministry: ["mhwl"] } } });
  check("a typed 422", refused.error?.errors[0]?.code === "unknown_value");
}
