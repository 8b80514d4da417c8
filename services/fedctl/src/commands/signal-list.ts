import { Command } from '@commander-js/extra-typings'
import { SignalSchema } from '@powernode/proto/powernode/liveness/v1/remediation_pb.ts'
import { EXIT } from '../exit-codes.ts'
import type { Run } from '../invoke.ts'
import { ofPeer } from '../options.ts'
import { allPages } from '../pages.ts'
import { peerIdOf } from '../peer-choice.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { signalTable } from '../render/remediations.ts'

export const signalList = (run: Run) =>
  new Command('list')
    .description('what is wrong with peerings now, newest first')
    .addOption(ofPeer())
    .option('--all', 'also what is over')
    .action(
      run(async (session, { peer, all }) => {
        const filter = { peerId: await peerIdOf(session, peer), includeClosed: all === true }
        const signals = await allPages(
          (pageToken) => session.clients.remediation.listSignals({ ...filter, pageSize: 1000, pageToken }),
          (page) => page.signals,
        )
        const name = await namePeers(session)
        return {
          data: { signals: signals.map((signal) => plain(SignalSchema, signal)) },
          text: (canvas) => signalTable(signals, canvas, name),
          exit: signals.some(({ closedAt }) => !closedAt) ? EXIT.doneWithOpenItems : EXIT.done,
        }
      }),
    )
