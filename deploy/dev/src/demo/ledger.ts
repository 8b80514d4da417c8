import { join, relative } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type Display } from '../display.ts'
import { type Platform } from '../platform.ts'
import { commandLine, fedctl, outcomeOf } from './fedctl.ts'

/** What a ledger proved to whoever has its files and two keys. */
export type Proven = {
  /** Where it was exported to. */
  readonly folder: string
  readonly origin: string
  readonly entries: number
  /** The root that both sides have signed. */
  readonly root: string
  readonly cosigned_by: readonly string[]
}

/** What the two sides tell of their calls. */
export type Compared = { readonly matched: number; readonly differences: number }

/** The ledger of each side, and how each side finds the other's to tell the same. */
export type Ledgers = {
  readonly a: Proven & { readonly reconciled: Compared }
  readonly b: Proven & { readonly reconciled: Compared }
}

type Around = {
  readonly display: Display
  readonly signal: AbortSignal
  /** How many calls have crossed the border just now: as many at least have to stand the same on both sides. */
  readonly calls: number
}

/**
 * Shows that neither side can rewrite what happened: each log is exported, and checked from its files and keys alone, with
 * the other side's cosignature; then both sides compare theirs, call by call.
 */
export async function proveLedgers(a: Platform, b: Platform, around: Around): Promise<Ledgers> {
  const ofA = await prove(a, b, around)
  const ofB = await prove(b, a, around)
  const atA = await compare(a, b, around)
  const atB = await compare(b, a, around)
  return { a: { ...ofA, reconciled: atA }, b: { ...ofB, reconciled: atB } }
}

const PATIENCE_MS = 150_000
const LOOK_EVERY_MS = 250
const TOO_FEW_COSIGNATURES = 23

type Exported = { readonly entries: number; readonly previous_size: number | null }
type Verified = {
  readonly whole: boolean
  readonly logs: readonly { readonly origin: string; readonly size: number; readonly root: string; readonly signers: readonly string[] }[] // prettier-ignore
}

/** Exports a log and checks it. The other side is given a moment to cosign what was written last. */
async function prove(platform: Platform, other: Platform, { display, signal }: Around): Promise<Proven> {
  const name = platform.name.toUpperCase()
  const whole = join(platform.dir, 'export', other.name)
  const fromHere = relative(process.cwd(), whole)
  const folder = fromHere.startsWith('..') ? whole : fromHere
  const exporting = ['audit', 'export', other.name, '--to', folder]
  const { previous_size } = await display.step(
    `${name} exports its ledger about ${other.name.toUpperCase()}`,
    async (say) => {
      say(commandLine(platform, exporting))
      const exported = await fedctl<Exported>(platform, exporting, signal)
      say(`${commandLine(platform, exporting)}: ${exported.entries} entries`)
      return exported
    },
  )
  // What was exported by an earlier demo has to be a part of it.
  const before = previous_size === null ? [] : ['--previous', join(folder, 'checkpoint.previous')]
  const verifying = ['audit', 'verify', folder, '--policy', join(folder, 'policy'), ...before]
  return display.step(`Files alone prove ${name}'s ledger`, async (say) => {
    say(commandLine(platform, verifying))
    for (const deadline = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]); ;) {
      const { code, said } = await outcomeOf<Verified>(platform, verifying, signal)
      const [log] = said.logs ?? []
      if (code === 0 && log) {
        const proven = { folder, origin: log.origin, entries: log.size, root: log.root }
        const cosigned_by = log.signers.filter((signer) => signer !== log.origin)
        say(`${commandLine(platform, verifying)}: ${log.size} entries, cosigned by ${cosigned_by.join(', ')}`)
        return { ...proven, cosigned_by }
      }
      if (code !== TOO_FEW_COSIGNATURES || deadline.aborted)
        throw new Error(`audit verify ended with ${code}: ${JSON.stringify(said)}`)
      await wait(LOOK_EVERY_MS, undefined, { signal })
      await fedctl(platform, exporting, signal)
    }
  })
}

type Reconciled = {
  readonly summary: {
    readonly matched: number
    readonly pending: number
    readonly uncompared: number
    readonly held_size: number
    readonly witnessed_size: number
  }
  readonly differences: readonly { readonly kind: string; readonly detail: string }[]
}

/** Compares the two logs once what was written last has arrived, and demands that every call is told alike. */
async function compare(platform: Platform, other: Platform, { display, signal, calls }: Around): Promise<Compared> {
  const args = ['audit', 'reconcile', other.name]
  const name = `${platform.name.toUpperCase()} finds ${other.name.toUpperCase()}'s ledger to agree`
  return display.step(name, async (say) => {
    say(commandLine(platform, args))
    for (const deadline = AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]); ;) {
      const { said } = await outcomeOf<Reconciled>(platform, args, signal)
      if (said.error) throw new Error(`audit reconcile: ${said.error.message} (${said.error.reason})`)
      const { summary, differences } = said
      const [difference] = differences
      if (difference)
        throw new Error(`${differences.length} calls are not told alike: ${difference.kind}, ${difference.detail}`)
      if (summary.matched >= calls && summary.pending === 0) {
        say(`${commandLine(platform, args)}: ${summary.matched} calls, no difference`)
        return { matched: summary.matched, differences: 0 }
      }
      if (deadline.aborted)
        throw new Error(
          `of ${calls} calls ${summary.matched} stand the same on both sides; ${summary.pending} are too fresh, ` +
            `${summary.uncompared} carry no content id; the mirror holds ${summary.held_size} of ${summary.witnessed_size}`,
        )
      await wait(LOOK_EVERY_MS, undefined, { signal })
    }
  })
}
