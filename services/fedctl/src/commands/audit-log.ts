import { Command } from '@commander-js/extra-typings'
import { ListEntriesResponseSchema } from '@powernode/proto/powernode/audit/v1/service_pb.ts'
import type { Run } from '../invoke.ts'
import { logIdOf } from '../log-id.ts'
import { namePeers } from '../peer-names.ts'
import { plain } from '../plain.ts'
import { entryTable } from '../render/events.ts'
import { whole } from '../values.ts'

const PAGE = 1_000

export const auditLog = (run: Run) =>
  new Command('log')
    .description("a peer's log in the ledger: what happened, in an order nobody can change")
    .argument('[peer]', 'id, name or platform id; "platform" for what concerns no peer', 'platform')
    .option('--after <sequence>', 'entries after this one', whole, 0)
    .option('--limit <count>', 'at most so many', whole, PAGE)
    .action(
      run(async (session, named, { after, limit }) => {
        const said = { peerId: await logIdOf(session, named), afterSequence: BigInt(after), limit }
        const response = await session.clients.ledger.listEntries(said)
        const name = await namePeers(session)
        return {
          data: plain(ListEntriesResponseSchema, response),
          text: (canvas) => {
            const head = Buffer.from(response.head).toString('hex')
            const more = response.entries.length < Number(response.size) - after
            const last = response.entries.at(-1)?.sequence
            const next = more && last ? canvas.paste(`\nmore: fedctl audit log ${named} --after ${last}`) : ''
            return `${entryTable(response.entries, canvas, name)}\n${canvas.to.dim(`${response.size} entries, head ${head}${next}`)}`
          },
        }
      }),
    )
