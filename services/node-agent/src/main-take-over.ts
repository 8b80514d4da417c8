import { randomUUID } from 'node:crypto'
import { userInfo } from 'node:os'
import { parseArgs } from 'node:util'
import { systemClock } from '@powernode/clock'
import { main } from '@powernode/process'
import { configFrom } from './config.ts'
import { askTakeOver } from './replica/take-over.ts'

const WITHIN_MS = 60_000

/**
 * For when the parent is gone with everything that could be asked: has the agent of this machine make its replica the primary.
 *
 *   node services/node-agent/src/main-take-over.ts --force --reason '<why two primaries cannot be>'
 *
 * In the environment of the agent. Exit code 0 when the replica leads, 4 when it does not, 2 when the words make no sense.
 */
await main(async () => {
  const { values } = parseArgs({ options: { force: { type: 'boolean', default: false }, reason: { type: 'string', default: '' } } }) // prettier-ignore
  const { replica } = configFrom(process.env)
  if (!values.force || values.reason === '' || !replica) {
    process.stderr.write("say --force and --reason '<why two primaries cannot be>', on a machine that keeps a replica (REPLICA_DIR)\n") // prettier-ignore
    process.exitCode = 2
    return
  }
  const asked = { id: randomUUID(), reason: values.reason, by: userInfo().username }
  const said = await askTakeOver(replica.home, asked, { clock: systemClock, withinMs: WITHIN_MS })
  process.stdout.write(`${said?.detail ?? 'the agent of this machine did not answer: is it running?'}\n`)
  if (!said?.ok) process.exitCode = 4
})
