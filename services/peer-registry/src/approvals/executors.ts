import { eitherOf, executor, type Executor } from '@powernode/approvals'
import { epochOf, type Feed } from '@powernode/feed'
import { inTransaction, type Db } from '@powernode/postgres'
import { RunAcceptanceRequestSchema } from '@powernode/proto/powernode/acceptance/v1/service_pb.ts'
import { ApplyRotationRequestSchema } from '@powernode/proto/powernode/ca/v1/service_pb.ts'
import {
  AcceptInvitationRequestSchema,
  AdoptPeerRequestSchema,
  EmancipatePeerRequestSchema,
  ProposePeerRequestSchema,
  RepeerPeerRequestSchema,
  RevokePeerRequestSchema,
} from '@powernode/proto/powernode/peer/v1/service_pb.ts'
import { PEERS, type PeerUpdate } from '../feed/peer-source.ts'
import type { Us } from '../platform.ts'
import { ACCEPT, acceptHeld } from '../rpc/acts/accept.ts'
import { ADOPT, adopt, EMANCIPATE, emancipate } from '../rpc/acts/relationship.ts'
import { PROPOSE, propose, repeer } from '../rpc/acts/propose.ts'
import { REVOKE, revoke } from '../rpc/acts/revoke.ts'
import { aftermathOf, RUN_ACCEPTANCE, runHeldAcceptance } from '../rpc/acts/run-acceptance.ts'
import { rotate, SWITCH_CA } from '../rpc/acts/switch-ca.ts'
import { review, type GrantReviews } from '../rpc/review.ts'
import type { Tables } from '../store/tables.ts'

/** How each of our acts is carried out once it is approved: as its RPC does it, for whoever asked. */
export const executorsOf = ({
  db,
  us,
  feed,
  grants,
}: {
  readonly db: Db<Tables>
  readonly us: Us
  readonly feed: Pick<Feed<Tables, PeerUpdate>, 'enforced'>
  readonly grants: GrantReviews
}): Readonly<Record<string, Executor<Tables>>> => ({
  [PROPOSE]: eitherOf(
    executor(ProposePeerRequestSchema, async (tx, now, req, by) => void (await propose(tx, now, { us, by, req }))),
    executor(RepeerPeerRequestSchema, async (tx, now, req, by) => void (await repeer(tx, now, { us, by, req }))),
  ),
  [ACCEPT]: executor(AcceptInvitationRequestSchema, (tx, now, req, by) =>
    acceptHeld(tx, now, { us, by, req, planSha256: by.planSha256 }),
  ),
  // It is begun with the approval, and counts as carried out when it is over: what fails then stands on the approval too.
  [RUN_ACCEPTANCE]: {
    ...executor(RunAcceptanceRequestSchema, (tx, now, req, by) =>
      runHeldAcceptance(tx, now, { us, by, req, planSha256: by.planSha256, approvalId: by.approvalId }),
    ),
    aftermath: (approvalId) => inTransaction(db, (tx) => aftermathOf(tx, approvalId)),
  },
  // It counts as carried out when no live gateway can still let the peer in.
  [REVOKE]: executor(RevokePeerRequestSchema, async (tx, now, req, by) => {
    await revoke(tx, now, { us, by, req })
    const epoch = await epochOf(tx, PEERS)
    return epoch === undefined ? undefined : async (signal) => void (await feed.enforced(epoch, signal))
  }),
  [EMANCIPATE]: executor(EmancipatePeerRequestSchema, async (tx, now, req, by) => {
    await emancipate(tx, now, { us, by, req })
    return async (signal) => void (await review(grants, req.peerId, { signal }))
  }),
  [ADOPT]: executor(AdoptPeerRequestSchema, async (tx, now, req, by) => {
    await adopt(tx, now, { us, by, req })
    return async (signal) => void (await review(grants, req.peerId, { signal }))
  }),
  [SWITCH_CA]: executor(
    ApplyRotationRequestSchema,
    async (tx, now, req, by) => void (await rotate(tx, now, { us, by, req })),
  ),
})
