import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { Command } from '@commander-js/extra-typings'
import type { Enforcement } from '@powernode/proto/powernode/feed/v1/feed_pb.ts'
import { GrantSchema, type Grant } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import { grantIdOf } from '../grant-id.ts'
import type { Run } from '../invoke.ts'
import { dryRun, ofKind, ofPeer, reason, wait } from '../options.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { usage } from '../problem.ts'
import { enforcementText } from '../render/durations.ts'
import { grantTable } from '../render/grants.ts'
import { plural } from '../render/words.ts'
import type { Session } from '../session.ts'
import { since } from '../values.ts'
import { plainEnforcement, written } from '../written.ts'

type Revoked = {
  readonly revoked: number
  readonly grants: readonly Grant[]
  readonly enforcement?: Enforcement | undefined
}
type Revoke = (dryRun: boolean) => Promise<Revoked>

export const grantRevoke = (run: Run) =>
  new Command('revoke')
    .description('end a grant, or many; returns when no gateway can allow a call by them any more')
    .argument('[grant]', 'its id; never the bearer')
    .addOption(ofPeer())
    .option('--issued-before <time>', 'all that were issued before: 2026-11-21T14:00:00Z, or 15m')
    .addOption(ofKind())
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        const { peer, issuedBefore, kind, reason: why } = options
        const isMany = peer !== undefined || issuedBefore !== undefined || kind !== ''
        if (named === undefined && !isMany)
          throw usage('which grants?', 'name one, or --peer <peer>, --issued-before <time>, --kind <kind>')
        if (named !== undefined && isMany)
          throw usage('either one grant by its id, or many by --peer, --issued-before, --kind')
        const revoke =
          named === undefined
            ? await many(session, { peer, issuedBefore, kind, why })
            : one(session, grantIdOf(named), why)
        // Looked at first, also for the question: nobody should be asked about a number he is not told.
        const would = await revoke(true)
        if (!options.dryRun) await session.confirm(`End ${plural(would.revoked, 'grant')} for good?`)
        const { revoked, grants, enforcement } = options.dryRun ? would : await revoke(false)
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: {
            revoked,
            grants: grants.map((grant) => plain(GrantSchema, grant)),
            enforcement: plainEnforcement(enforcement),
          },
          text: (canvas) =>
            [
              `${plural(revoked, 'grant')} ${options.dryRun ? 'would end' : 'ended'}`,
              grants.length > 0 ? grantTable(grants, canvas, name) : '',
              revoked > grants.length ? `… and ${revoked - grants.length} more` : '',
              options.dryRun ? '' : enforcementText(enforcement),
            ]
              .filter(Boolean)
              .join('\n'),
        })
      }),
    )

const one =
  ({ clients }: Session, grantId: string, reason: string): Revoke =>
  async (dryRun) => {
    const { grant, enforcement } = await clients.grants.revokeGrant({ grantId, reason, dryRun }, PATIENT)
    return { revoked: grant ? 1 : 0, grants: grant ? [grant] : [], enforcement }
  }

type Many = {
  readonly peer?: string | undefined
  readonly issuedBefore?: string | undefined
  readonly kind: string
  readonly why: string
}

async function many(session: Session, { peer, issuedBefore, kind, why }: Many): Promise<Revoke> {
  const request = {
    peerId: await peerIdOf(session, peer),
    resourceKind: kind,
    reason: why,
    ...(issuedBefore !== undefined && { issuedBefore: timestampFromDate(since(issuedBefore, session.clock.now())) }),
  }
  return (dryRun) => session.clients.grants.revokeGrants({ ...request, dryRun }, PATIENT)
}

/** A gateway that is away is waited out, and thousands of grants take a while. */
const PATIENT = { timeoutMs: 60_000 }
