import { Command } from '@commander-js/extra-typings'
import { NetworkBridgeSchema } from '@powernode/proto/powernode/grant/v1/service_pb.ts'
import type { Run } from './invoke.ts'
import { dryRun, reason, wait } from './options.ts'
import { namePeers } from './peer-names.ts'
import { plain } from './plain.ts'
import { bridgeTable } from './render/bridges.ts'
import { enforcementText } from './render/durations.ts'
import { plainEnforcement, present, written } from './written.ts'

type Move = {
  readonly move: 'activate' | 'suspend' | 'resume' | 'revoke'
  readonly description: string
  /** Asked before what cannot be undone. */
  readonly question?: string
}

/** The four moves of a bridge are typed, asked and shown alike. */
export const bridgeMove = (run: Run, { move, description, question }: Move) =>
  new Command(move)
    .description(description)
    .argument('<bridge>', 'its id (see: fedctl bridge list)')
    .addOption(reason())
    .addOption(dryRun())
    .addOption(wait())
    .action(
      run(async (session, bridgeId, options) => {
        if (question !== undefined && !options.dryRun) await session.confirm(question)
        // In force everywhere when the call returns: there is nothing to wait for.
        const said = { bridgeId, move, reason: options.reason, dryRun: options.dryRun === true }
        const answer = await session.clients.grants.moveBridge(said)
        const bridge = present(answer.bridge, 'a bridge')
        const { enforcement } = answer
        const name = await namePeers(session)
        return written({
          dryRun: options.dryRun,
          data: {
            bridge: plain(NetworkBridgeSchema, bridge),
            enforcement: plainEnforcement(enforcement),
          },
          text: (canvas) =>
            [bridgeTable([bridge], canvas, name), enforcementText(enforcement)].filter(Boolean).join('\n'),
        })
      }),
    )
