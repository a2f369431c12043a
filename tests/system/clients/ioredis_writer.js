// A client that writes on and on to the master that its Sentinels name, and says on standard output what became of each
// write: "acked N" or "failed N why". node ioredis_writer.js '{"ioredis": path, "sentinels": […], "name", "key",
// "copies", "protocol"}'; it ends when its standard input does.
"use strict";

const options = JSON.parse(process.argv[2]);
const { Redis } = require(options.ioredis);

const redis = new Redis({
  sentinels: options.sentinels,
  name: options.name,
  protocol: options.protocol,
  commandTimeout: 5000,
  autoResendUnfulfilledCommands: false, // a WAIT that is repeated elsewhere says nothing of the write before it
});
redis.on("error", (error) => console.error(String(error)));

let stopping = false;
process.stdin.on("end", () => (stopping = true)).resume();

/** The write, and on how many more servers it is, by the word of the server that took it. */
async function write(value) {
  const [[error], [waitError, copies]] = await redis.pipeline().sadd(options.key, value).wait(options.copies, 1000).exec();
  if (error || waitError) throw error || waitError;
  if (copies < options.copies) throw new Error(`on ${copies} other servers only`);
}

async function main() {
  for (let n = 1; !stopping; ++n) {
    try {
      await write(n);
      console.log(`acked ${n}`);
    } catch (error) {
      console.log(`failed ${n} ${String(error).split("\n")[0]}`);
    }
    await new Promise((resume) => setTimeout(resume, 2));
  }
  redis.disconnect();
}
main();
