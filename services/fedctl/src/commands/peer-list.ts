import { Command, Option } from '@commander-js/extra-typings'
import { PeerKind, PeerState, SpawnMode } from '@powernode/proto/powernode/peer/v1/peer_pb.ts'
import type { Run } from '../invoke.ts'
import { someOf } from '../options.ts'
import { allPages } from '../pages.ts'
import { plainRow, surroundings, viewOf } from '../peer-view.ts'
import { peerTable } from '../render/peer-table.ts'
import { valueOf, wordsOf } from '../render/words.ts'

export const peerList = (run: Run) =>
  new Command('list')
    .description('all peers: state, how fresh, what is open')
    .addOption(someOf('--state <states>', 'only in these states', wordsOf(PeerState)))
    .addOption(new Option('--kind <kind>', 'only of this kind').choices(wordsOf(PeerKind)))
    .addOption(new Option('--mode <mode>', 'only those that came to be so').choices(wordsOf(SpawnMode)))
    .action(
      run(async (session, { state = [], kind, mode }) => {
        const filter = {
          states: state.map((text) => valueOf(PeerState, text)),
          ...(kind && { kind: valueOf(PeerKind, kind) }),
          ...(mode && { spawnMode: valueOf(SpawnMode, mode) }),
        }
        const peers = await allPages(
          (pageToken) => session.clients.peers.listPeers({ ...filter, pageSize: 1000, pageToken }),
          (page) => page.peers,
        )
        const around = await surroundings(session)
        const views = peers.map((peer) => viewOf(peer, around))
        return {
          data: { peers: views.map(plainRow), unavailable: around.unavailable },
          text: (canvas) => peerTable(views, canvas),
        }
      }),
    )
