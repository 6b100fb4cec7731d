// Calls every operation with the clients of hey-api and of openapi-fetch, and prints what came of each call.
import createClient, { type ParseAs } from "openapi-fetch";
import { client as heyApi } from "./generated/hey-api/client.gen";
import * as sdk from "./generated/hey-api/sdk.gen";

interface Operation {
  name: string;
  url: string;
  type: string;
  download: boolean;
  path: Record<string, string>;
  query: Record<string, unknown>;
}
type Call = (operation: Operation) => Promise<{ data?: unknown; error?: unknown }>;
type Untyped = (options: object) => Promise<{ data?: unknown; error?: unknown }>;

function ofHeyApi(address: string): Call {
  heyApi.setConfig({ baseUrl: address });
  const functions = sdk as unknown as Record<string, Untyped>;
  return async ({ name, path, query }) => {
    const found = functions[name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())];
    if (!found) throw new Error("the client has no such function");
    return found({ path, query });
  };
}

// openapi-fetch knows no types when it runs: a call may say how to read what is not JSON.
function ofOpenapiFetch(address: string, parses: boolean): Call {
  const client = createClient<Record<string, never>>({ baseUrl: address });
  const get = client.GET as unknown as (url: string, options: object) => ReturnType<Call>;
  return async ({ url, type, download, path, query }) => {
    const parseAs: ParseAs = type.startsWith("text/") ? "text" : "blob";
    return get(url, { params: { path, query }, ...(download && parses ? { parseAs } : {}) });
  };
}

export async function callOperations(name: string, address: string, operations: Operation[]): Promise<void> {
  const call = name === "hey-api" ? ofHeyApi(address) : ofOpenapiFetch(address, name === "parseAs");
  for (const operation of operations) {
    try {
      const { data, error } = await call(operation);
      if (data === undefined || error !== undefined) throw new Error(JSON.stringify(error) ?? "no data");
      const size = typeof data === "string" ? new TextEncoder().encode(data).length : data instanceof Blob ? data.size : 0;
      console.log("ok", operation.name, size);
    } catch (error) {
      console.log("refused", operation.name, String(error).replaceAll(/\s+/g, " "));
    }
  }
}
