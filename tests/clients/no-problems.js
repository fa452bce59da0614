// node no-problems.js FILE: ends with 1 if redocly's report has an error or a warning; redocly itself does for errors only.
import { readFileSync } from "node:fs";

const { totals, problems } = JSON.parse(readFileSync(process.argv[2], "utf8"));
for (const { severity, ruleId, message, location } of problems) {
  console.error(`redocly: ${severity}: ${ruleId}: ${message} (${location[0]?.pointer})`);
}
process.exit(totals.errors + totals.warnings === 0 ? 0 : 1);
