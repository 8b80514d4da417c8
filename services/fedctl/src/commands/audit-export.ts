import { join, relative, resolve } from 'node:path'
import { Command } from '@commander-js/extra-typings'
import { exportedLog, KEYS, place, POLICY, PREVIOUS } from '../exported-log.ts'
import type { Run } from '../invoke.ts'
import { keysOfExport, type ExportKeys } from '../export-keys.ts'
import { logIdOf } from '../log-id.ts'
import { counted } from '../progress.ts'
import type { Session } from '../session.ts'

export const auditExport = (run: Run) =>
  new Command('export')
    .description('a log as files (C2SP tlog-tiles) that anybody can check without us; goes on where an export ended')
    .argument('<peer>', 'whose log: id, name or platform id; "platform" for what concerns no peer')
    .requiredOption('--to <folder>', 'one folder for one log; made when missing')
    .option('--payloads', 'what is not in the leaves as well: payloads and their salts, where they are not erased')
    .option('--mirror', "the peer's log about us, as we hold it, instead of our own")
    .action(
      run(async (session, named, { to: folder, payloads = false, mirror = false }) => {
        const log = await logIdOf(session, named)
        const dir = resolve(session.env.cwd, folder)
        const keys = keysOfExport(await session.clients.ledger.getLedgerKeys({}), { log, mirror })
        const { before, start, end } = await fetchInto(session, dir, { log, payloads, mirror, origin: keys.origin })
        const command = writeKeys(session, dir, { keys, hasPrevious: before !== undefined })
        return {
          data: {
            folder: dir,
            log,
            origin: end.origin,
            entries: end.size,
            fetched_from: start,
            previous_size: before?.size ?? null,
            root: Buffer.from(end.root).toString('hex'),
            next: command,
          },
          text: ({ to }) =>
            [
              `${to.good('exported')}  ${counted(end.size)} entries of ${end.origin} to ${dir}`,
              start > 0 ? `the first ${counted(start)} were there already` : '',
              `next  ${command}`,
            ]
              .filter(Boolean)
              .join('\n'),
        }
      }),
    )

/** As large as an export may become, and as long as it takes. */
const PATIENCE_MS = 3_600_000

type Wanted = {
  readonly log: string
  readonly origin: string
  readonly payloads: boolean
  readonly mirror: boolean
}

async function fetchInto(session: Session, dir: string, { log, payloads, mirror, origin }: Wanted) {
  const exported = exportedLog(dir, { payloads, origin })
  const start = exported.start()
  const progress = session.progress('exporting')
  try {
    const files = session.clients.ledger.exportLog(
      { log, payloads, mirror, start: BigInt(start) },
      { signal: session.signal, timeoutMs: PATIENCE_MS },
    )
    let parts: Uint8Array[] = []
    for await (const { path, content, more, done, size } of files) {
      parts.push(content)
      if (!more && path !== '') exported.write(path, Buffer.concat(parts))
      if (!more) parts = []
      progress.at(Number(done), Number(size))
    }
  } finally {
    progress.end()
  }
  return { before: exported.before, start, end: exported.finish() }
}

type Written = { readonly keys: ExportKeys; readonly hasPrevious: boolean }

/** Puts keys and policy beside the log, and says how it is checked with them. */
function writeKeys({ env }: Session, dir: string, { keys, hasPrevious }: Written): string {
  place(join(dir, KEYS), keys.vkeys)
  place(join(dir, POLICY), keys.policy)
  const shown = (name = '') => relative(env.cwd, join(dir, name)) || '.'
  const previous = hasPrevious ? ` --previous ${quoted(shown(PREVIOUS))}` : ''
  return `fedctl audit verify ${quoted(shown())} --key ${quoted(shown(KEYS))} --policy ${quoted(shown(POLICY))}${previous}`
}

const quoted = (word: string) => (/^[\w./:@-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`)
