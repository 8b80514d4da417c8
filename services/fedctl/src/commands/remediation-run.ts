import { Command, Option } from '@commander-js/extra-typings'
import { RemediationSchema } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import type { Run } from '../invoke.ts'
import { dryRun, peer, wait } from '../options.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { remediationSheet } from '../render/remediations.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { present, written } from '../written.ts'

const REASONS = ['heartbeat_stale', 'one_way', 'cert_expiring', 'cert_expired'] as const

export const remediationRun = (run: Run) =>
  new Command('run')
    .description('probe one peer now and do what follows, whatever the breaker and the budget say')
    .addArgument(peer())
    .addOption(new Option('--reason <reason>', 'what is wrong with it').choices(REASONS).default('heartbeat_stale'))
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, named, options) => {
        // Probed and decided when the call returns: there is nothing to wait for.
        const { id: peerId } = await resolvePeer(session, named)
        const said = { peerId, reason: options.reason, dryRun: options.dryRun === true }
        const entry = present((await session.clients.remediation.remediatePeer(said)).remediation, 'a decision')
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: { remediation: plain(RemediationSchema, entry) },
          text: (canvas) => remediationSheet(entry, canvas, name),
        })
      }),
    )
