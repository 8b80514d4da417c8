/**
 * What the init of a child's machine does: a whole platform in one directory, and the agent that makes it a child.
 *
 *   node deploy/child/boot.ts --dir DIR --payload ROOT --cache DIR [--processes|--halves] [--ends-with PID:STARTED]
 *     [--base-port N] [--door-host HOST] [--parent-through HOST:PORT]
 *
 * Ends in order on SIGTERM. SIGHUP: the payload was replaced, and the agent begins anew with what stands there now.
 * Exit code 3: the payload cannot be used; the console says which key, and another boot of the same would end the same.
 */
import { live } from './live.ts'

await live(process.argv.slice(2))
