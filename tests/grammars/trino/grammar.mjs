// Reads one JSON string of SQL a line, answers with one JSON list of messages a line: [] means accepted.
import { createInterface } from "node:readline";
import { TrinoSQL } from "dt-sql-parser";

const parser = new TrinoSQL();
const lines = createInterface({ input: process.stdin, crlfDelay: Infinity });
lines.on("line", (line) => {
  const found = parser.validate(JSON.parse(line)).map((one) => `line ${one.startLine}: ${one.message}`);
  process.stdout.write(JSON.stringify(found) + "\n");
});
