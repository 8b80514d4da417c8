import type { Made } from './changes.ts'
import { Draw } from './draw.ts'
import { CLASSES, type MutationClass } from './mutation-classes.ts'
import { sealedLogs, type SealedLog } from './sealed-logs.ts'

export type Mutation = Required<Made> & { readonly class: MutationClass; readonly log: SealedLog }

/** Mutations, as many as asked, of every class in turn; the same ones for the same seed. */
export function* mutations(seed: number, count: number): Generator<Mutation> {
  const draw = new Draw(seed)
  const classes = Object.keys(CLASSES) as MutationClass[] // keys of a constant
  for (let made = 0; made < count;) {
    const name = classes[made % classes.length] ?? 'entry byte'
    // Long logs take long: one in ten is enough to meet every level of tiles.
    const log = draw.of(draw.below(10) === 0 ? sealedLogs() : sealedLogs().filter(({ size }) => size < 100))
    const { changes, previous = [], isSeenByOthers = true }: Made = CLASSES[name].make(log, draw)
    const isReal = [...changes].some(([path, bytes]) => !same(bytes, log.files.get(path)))
    if (!isReal) continue
    made++
    yield { class: name, log, changes, previous, isSeenByOthers }
  }
}

const same = (a: Uint8Array | undefined, b: Uint8Array | undefined): boolean =>
  a === undefined || b === undefined ? a === b : Buffer.compare(a, b) === 0
