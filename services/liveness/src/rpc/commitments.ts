import { inTransaction } from '@powernode/postgres'
import type { ListCommitmentsRequest } from '@powernode/proto/powernode/liveness/v1/governance_pb.ts'
import { COMMITMENTS } from '../findings/commitments.ts'
import type { GovernanceDeps } from '../governance/governance-deps.ts'
import * as commitments from '../store/commitments.ts'
import * as scans from '../store/governance-scan.ts'
import { commitmentToWire, type StandingTo } from '../wire-findings.ts'

/** As many peers as are named with which a commitment is broken. */
const MOST_NAMED = 1_000

/** The social contract's twelve: what is checked of each, and how it stands to all peers, or to one. */
export function listCommitments(
  { db }: Pick<GovernanceDeps, 'db'>,
  { peerId }: Pick<ListCommitmentsRequest, 'peerId'>,
) {
  return inTransaction(
    db,
    async (tx) => {
      const standings = await commitments.list(tx)
      const broken = Map.groupBy(await commitments.breaches(tx, { peerId, limit: MOST_NAMED }), ({ number }) => number)
      const scan = await scans.last(tx)
      return {
        commitments: COMMITMENTS.map((one) => {
          const breaches = broken.get(one.number) ?? []
          const standing = standings.get(one.number)
          return commitmentToWire(one, peerId === '' ? toAll(standing, breaches) : toOne(standing, breaches))
        }),
        contractVersion: scan?.contractVersion ?? 0,
        contractSha256: scan?.contractSha256 ?? '',
      }
    },
    { isolation: 'repeatable read' },
  )
}

type Breaches = Awaited<ReturnType<typeof commitments.breaches>>

/** Before the first look nothing is known, not even of what no machine can check. */
function toAll(standing: commitments.Standing | undefined, breaches: Breaches): StandingTo {
  const { result = 'unknown', detail = 'nobody has looked yet', checkedAt } = standing ?? {}
  const peerIds = result === 'broken' ? breaches.map(({ peerId }) => peerId).filter((id) => id !== '') : []
  return { result, detail, checkedAt, peerIds }
}

/** What is broken with others may be kept with this one. */
function toOne(standing: commitments.Standing | undefined, breaches: Breaches): StandingTo {
  const all = toAll(standing, breaches)
  const [breach] = breaches
  if (all.result !== 'broken') return all
  return breach
    ? { ...all, detail: breach.detail, peerIds: [breach.peerId] }
    : { ...all, result: 'kept', detail: '', peerIds: [] }
}
