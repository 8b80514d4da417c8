import { inTransaction, lead } from '@powernode/postgres'
import { memberStatus, STATUSES } from './member-status.ts'
import { reap } from './operations/reap.ts'
import { readNetwork } from './operations/read-network.ts'
import { sealingProblems } from './operations/sealing-problems.ts'
import type { SdwanDeps } from './sdwan-deps.ts'
import * as nodes from './store/nodes.ts'

const EVERY_MS = 60_000

/** What we do when time passes: one replica reaps and counts. */
export async function sweep(deps: SdwanDeps, signal: AbortSignal): Promise<void> {
  const { db, clock, logger, compiler } = deps
  await lead(
    deps,
    'sweep',
    async (stop) => {
      while (!stop.aborted) {
        const { reaped, network } = await inTransaction(db, (tx) => reap(tx, clock.now(), { compiler }))
        compiler.keep(network)
        if (reaped > 0)
          logger.info({ task: 'sweep', count: reaped }, 'routing tables that were removed a day ago are free again')
        await measure(deps)
        await clock.sleep(EVERY_MS, stop)
      }
    },
    signal,
  )
}

/** How many members are how; how many nodes carry what they are to carry. */
async function measure({ db, clock, metrics, compiler, sealing }: SdwanDeps): Promise<void> {
  const members = metrics.gauge('fed_sdwan_members', 'Members of networks by how they were last heard', ['status'])
  const states = metrics.gauge('fed_sdwan_nodes', 'Nodes by whether they carry what was compiled for them', ['state'])
  const { network, seen, rows, lost } = await inTransaction(db, async (tx) => {
    const current = await readNetwork(tx, clock.now(), { compiler })
    return {
      network: current,
      seen: await nodes.lastSeen(tx),
      rows: await nodes.list(tx),
      lost: (await sealingProblems(tx, current.intent, { sealing })).length,
    }
  })
  const now = clock.now()
  const problems = metrics.gauge('fed_sdwan_problems', 'What of the network is not as it is wanted, by whether it was left out', ['severity']) // prettier-ignore
  const leftOut = network.plan.problems.filter(({ fatal }) => fatal).length + lost
  problems.set({ severity: 'left_out' }, leftOut)
  problems.set({ severity: 'warning' }, network.plan.problems.length - (leftOut - lost))
  const counted = Object.groupBy(network.world.members, ({ id }) => memberStatus(seen.get(id), now))
  for (const status of STATUSES) members.set({ status }, counted[status]?.length ?? 0)
  const applied = new Map(rows.map(({ nodeId, appliedVersion }) => [nodeId, appliedVersion]))
  const current = [...network.plan.nodes.values()].filter(
    ({ nodeId, version }) => applied.get(nodeId) === version,
  ).length
  states.set({ state: 'current' }, current)
  states.set({ state: 'behind' }, network.plan.nodes.size - current)
}
