/**
 * `npm run bench -- <name>`: measures one road beside its limit, in the same run on the same machine.
 *
 * Without a name it lists what there is. The last line printed is one JSON object (report.ts).
 */
import { availableParallelism, loadavg } from 'node:os'
import { print, say, type Report } from './report.ts'

const BENCHES: Readonly<Record<string, () => Promise<{ run: () => Promise<Report> }>>> = {
  compile: () => import('./compile.ts'),
  decide: () => import('./decide.ts'),
  'federated-call': () => import('./federated-call.ts'),
  feed: () => import('./feed.ts'),
  'gateway-start': () => import('./gateway-start.ts'),
  handshake: () => import('./handshake.ts'),
  heartbeat: () => import('./heartbeat.ts'),
  'liveness-tick': () => import('./liveness-tick.ts'),
  'ledger-append': () => import('./ledger-append.ts'),
  'ledger-cosign': () => import('./ledger-cosign.ts'),
  'ledger-verify': () => import('./ledger-verify.ts'),
  revoke: () => import('./revoke.ts'),
  rpc: () => import('./rpc.ts'),
  spawn: () => import('./spawn.ts'),
}

const [name = ''] = process.argv.slice(2)
const bench = BENCHES[name]
if (bench) {
  const { run } = await bench()
  // A figure means something only together with what else the machine was doing.
  const [load_1m_before] = loadavg()
  const report = await run()
  print({ ...report, cpus: availableParallelism(), load_1m_before, load_1m_after: loadavg()[0] })
} else {
  say(`npm run bench -- <${Object.keys(BENCHES).join('|')}>`)
  process.exitCode = 2
}
