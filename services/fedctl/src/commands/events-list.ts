import { timestampFromDate } from '@bufbuild/protobuf/wkt'
import { Command } from '@commander-js/extra-typings'
import { FeedEventSchema } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { eventLine } from '../render/events.ts'
import { resolvePeer } from '../resolve-peer.ts'
import { since, whole } from '../values.ts'

export const eventsList = (run: Run) =>
  new Command('list')
    .description('recent events, the newest last')
    .option('--kind <prefix>', 'only kinds that begin so, for example federation.peer.', '')
    .option('--source <service>', 'only what this service announced', '')
    .option('--since <time>', '2026-11-21T14:00:00Z, or 15m')
    .option('--peer <peer>', 'only what concerns this peer')
    .option('--limit <count>', 'at most so many', whole, 50)
    .action(
      run(async (session, options) => {
        const { events } = await session.clients.ledger.listEvents({
          kindPrefix: options.kind,
          source: options.source,
          limit: options.limit,
          peerId: options.peer ? (await resolvePeer(session, options.peer)).id : '',
          ...(options.since && { since: timestampFromDate(since(options.since, session.clock.now())) }),
        })
        const name = await namePeers(session)
        const oldestFirst = events.toReversed()
        return {
          data: { events: oldestFirst.map((event) => plain(FeedEventSchema, event)) },
          text: (canvas) => oldestFirst.map((event) => eventLine(event, canvas, name)).join('\n') || 'no events',
        }
      }),
    )
