// Runs what users of the generated TypeScript clients do, against the service at the address given.
import { useHeyApi } from "./use_hey_api";
import { useOpenapiFetch } from "./use_openapi_fetch";

declare const process: { argv: string[]; exitCode: number };

const address = process.argv[2] ?? "";
for (const [name, use] of Object.entries({ "hey-api": useHeyApi, "openapi-fetch": useOpenapiFetch })) {
  await use(address, (what, holds) => {
    console.log(`${holds ? "ok" : "FAILED"} ${name}: ${what}`);
    if (!holds) process.exitCode = 1;
  });
}
