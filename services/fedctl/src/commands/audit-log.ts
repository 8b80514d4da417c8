import { Command, Option } from '@commander-js/extra-typings'
import { followEntries, plainEntry, readEntries, type EntryFilter } from '../entries.ts'
import type { Run } from '../invoke.ts'
import { logIdOf } from '../log-id.ts'
import type { Outcome } from '../output.ts'
import { namePeers } from '../peer-names.ts'
import { entryLine, entryTable } from '../render/entries.ts'
import type { Session } from '../session.ts'
import { since, whole, wholeNumber } from '../values.ts'

const LIMIT = 50

export const auditLog = (run: Run) =>
  new Command('log')
    .description("a peer's log in the ledger: its last entries, the newest last")
    .argument('[peer]', 'id, name or platform id; "platform" for what concerns no peer', 'platform')
    .option('--from <sequence>', 'from this entry on, instead of the last ones', wholeNumber)
    .option('--limit <count>', `at most so many (default ${LIMIT})`, whole, LIMIT)
    .option('--action <prefix>', 'only what begins so, for example federation.call.', '')
    .addOption(new Option('--direction <way>', 'only calls: theirs (in) or ours (out)').choices(['in', 'out'] as const))
    .option('--resource <prefix>', 'only about what begins so, for example NodeModule/', '')
    .option('--since <time>', '2026-11-21T14:00:00Z, or 15m')
    .option('--until <time>', '2026-11-21T15:00:00Z, or 5m')
    .option('--newest', 'the newest first')
    .option('--follow', 'and then every new one, until Ctrl-C')
    .action(
      run(async (session, named, options) => {
        const now = session.clock.now()
        const filter: EntryFilter = {
          log: await logIdOf(session, named),
          actionPrefix: options.action,
          direction: options.direction ?? '',
          resource: options.resource,
          since: options.since === undefined ? undefined : since(options.since, now),
          until: options.until === undefined ? undefined : since(options.until, now),
        }
        const { entries, size, isAll } = await readEntries(session, filter, {
          from: options.from,
          limit: options.limit,
        })
        const name = await namePeers(session)
        if (options.follow) {
          for (const entry of entries) emit(session, entry, name)
          for await (const entry of followEntries(session, filter, size)) emit(session, entry, name)
          return undefined
        }
        const shown = options.newest ? entries.toReversed() : entries
        return {
          data: { log: filter.log, size: Number(size), entries: shown.map(plainEntry) },
          text: (canvas) => {
            const rest = isAll ? '' : moreOf(named, options, entries)
            const tail = canvas.to.dim(`${size} entries in all${rest && canvas.paste(rest)}`)
            return `${entryTable(shown, canvas, name)}\n${tail}`
          },
        } satisfies Outcome
      }),
    )

type Entries = Awaited<ReturnType<typeof readEntries>>['entries']
type Asked = { readonly from?: bigint | undefined; readonly limit: number }

function emit(session: Session, entry: Entries[number], name: (text: string) => string): void {
  session.emit({ data: plainEntry(entry), text: (canvas) => entryLine(entry, canvas, name) })
}

/** The command for what lies beyond: after the last one shown, or before the first. */
function moreOf(named: string, { from, limit }: Asked, entries: Entries): string {
  const [first, last] = [entries.at(0)?.sequence ?? 0n, entries.at(-1)?.sequence ?? 0n]
  const many = limit === LIMIT ? '' : ` --limit ${limit}`
  if (from !== undefined) return `; more: fedctl audit log ${named} --from ${last + 1n}${many}`
  const before = first > BigInt(limit) ? first - BigInt(limit) : 0n
  return `; earlier: fedctl audit log ${named} --from ${before}${many}`
}
