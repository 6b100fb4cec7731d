// Runs what users of the generated TypeScript clients do, against the service at the address given. With the name of a
// client, an address and operations in JSON, calls each of them.
import { callOperations } from "./call_operations";
import { useHeyApi } from "./use_hey_api";
import { useOpenapiFetch } from "./use_openapi_fetch";

declare const process: { argv: string[]; exitCode: number };

const [first = "", address, operations] = process.argv.slice(2);
if (address && operations) {
  await callOperations(first, address, JSON.parse(operations));
} else {
  for (const [name, use] of Object.entries({ "hey-api": useHeyApi, "openapi-fetch": useOpenapiFetch })) {
    await use(first, (what, holds) => {
      console.log(`${holds ? "ok" : "FAILED"} ${name}: ${what}`);
      if (!holds) process.exitCode = 1;
    });
  }
}
