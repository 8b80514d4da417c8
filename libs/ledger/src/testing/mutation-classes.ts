import { decodeBundle, encodeBundle, formatCheckpoint, logSigner, parseCheckpoint, parseNote, signNote } from '@powernode/tlog' // prettier-ignore
import type { DamageKind } from '../index.ts'
import { allEntries, at, changed, file, flipped, inBundle, inEntry, inSignature, NOTHING, one, rewritten, type Made } from './changes.ts' // prettier-ignore
import type { Draw } from './draw.ts'
import { cosignatureLine, signHead } from './log-maker.ts'
import type { SealedLog } from './sealed-logs.ts'

/** What was done, and as which damage it may show. */
export const CLASSES = {
  'entry byte': { as: ['altered_entry'], make: (log, draw) => inEntry(log, draw, (entry) => flipped(entry, draw)) },
  'entry longer or shorter': {
    as: ['altered_entry'],
    make: (log, draw) => inEntry(log, draw, (entry) => (draw.below(2) ? entry.subarray(1) : Buffer.concat([entry, entry.subarray(0, 1)]))), // prettier-ignore
  },
  'length of an entry': {
    as: ['altered_entry', 'missing_entry'],
    make: (log, draw) =>
      inBundle(log, draw, (entries, bytes) => {
        const at = entries.slice(0, draw.below(entries.length)).reduce((sum, { length }) => sum + 2 + length, 0)
        return flipped(bytes, draw, at + draw.below(2))
      }),
  },
  'entries swapped': {
    as: ['altered_entry'],
    make: (log, draw) =>
      inBundle(log, draw, (entries) => {
        const [i, j] = [draw.below(entries.length), draw.below(entries.length)]
        return encodeBundle(entries.with(i, at(entries, j)).with(j, at(entries, i)))
      }),
  },
  'entry left out': {
    as: ['missing_entry', 'altered_entry'],
    make: (log, draw) =>
      inBundle(log, draw, (entries) => encodeBundle(entries.toSpliced(draw.below(entries.length), 1))),
  },
  'entry twice': {
    as: ['altered_entry'],
    make: (log, draw) => {
      const path = draw.of(log.bundles)
      const entries = decodeBundle(file(log, path))
      const i = draw.below(entries.length)
      const isSeenByOthers = i < entries.length - 1 // an entry too many at the end is passed over
      return { ...one(path, encodeBundle(entries.toSpliced(i, 0, at(entries, i)))), isSeenByOthers }
    },
  },
  'bytes after a bundle': {
    as: ['altered_entry'],
    make: (log, draw) => {
      const path = draw.of(log.bundles)
      return { ...one(path, Buffer.concat([file(log, path), Buffer.alloc(1 + draw.below(40), draw.below(256))])), isSeenByOthers: false } // prettier-ignore
    },
  },
  'tile byte': {
    as: ['altered_tile'],
    make: (log, draw) => changed(log, draw.of(log.tiles), (bytes) => flipped(bytes, draw)),
  },
  'hashes swapped': {
    as: ['altered_tile'],
    make: (log, draw) =>
      changed(log, draw.of(log.tiles), (bytes) => {
        const [i, j] = [32 * draw.below(bytes.length / 32), 32 * draw.below(bytes.length / 32)]
        const swapped = Buffer.from(bytes)
        swapped.set(bytes.subarray(i, i + 32), j)
        swapped.set(bytes.subarray(j, j + 32), i)
        return swapped
      }),
  },
  'file cut off': {
    as: ['altered_entry', 'missing_entry', 'altered_tile', 'malformed_checkpoint', 'bad_signature', 'too_few_cosignatures'], // prettier-ignore
    make: (log, draw) =>
      changed(log, draw.of([...log.bundles, ...log.tiles, 'checkpoint']), (bytes) => bytes.subarray(0, draw.below(bytes.length))), // prettier-ignore
  },
  'file removed': {
    as: ['missing_entry', 'missing_tile', 'missing_checkpoint'],
    make: (log, draw) => one(draw.of([...log.bundles, ...log.tiles, 'checkpoint']), undefined),
  },
  'text of the checkpoint': {
    as: ['bad_signature', 'malformed_checkpoint', 'wrong_log'],
    make: (log, draw) => {
      const { body } = parseNote(log.note)
      const other = draw.of([...'0123456789abcXYZ+/=\n '])
      const i = draw.below(body.length)
      return one('checkpoint', Buffer.from(body.slice(0, i) + other + log.note.slice(i + 1)))
    },
  },
  'signature of the log': { as: ['bad_signature'], make: (log, draw) => inSignature(log, draw, 0) },
  cosignature: { as: ['bad_signature', 'too_few_cosignatures'], make: (log, draw) => inSignature(log, draw, 1) },
  'signature left out': {
    as: ['bad_signature', 'too_few_cosignatures'],
    make: (log, draw) => {
      const { body, signatures } = parseNote(log.note)
      return one('checkpoint', Buffer.from(`${body}\n${draw.of(signatures).line}\n`))
    },
  },
  'cosignature of another checkpoint': {
    as: ['bad_signature'],
    make: (log, draw) => {
      const { body, signatures } = parseNote(log.note)
      const elsewhere = cosignatureLine(draw.of([log.previous.note, log.sister.note]).split('\n\n')[0] ?? '', log.keys, draw.below(1e12)) // prettier-ignore
      return one('checkpoint', Buffer.from(`${body}\n${at(signatures, 0).line}\n${elsewhere}\n`))
    },
  },
  'second spelling of the checkpoint': {
    as: ['malformed_checkpoint', 'bad_signature'],
    make: (log, draw) => {
      const spelt = draw.of([
        (note: string) => note.replaceAll('\n', '\r\n'),
        (note: string) => note.replace(`\n${log.size}\n`, `\n0${log.size}\n`),
        (note: string) => note.replace('=\n\n', '=\n\n\n'),
        (note: string) => `\ufeff${note}`,
        (note: string) => note.replace(/=\n$/, '\n'),
        (note: string) => note.replace('— ', '—  '),
        (note: string) => `${note}\n`,
      ])
      return { ...one('checkpoint', Buffer.from(spelt(log.note))), isSeenByOthers: false } // not all of them are seen
    },
  },
  'earlier checkpoint again': {
    as: ['rollback'],
    make: (log) => ({ ...one('checkpoint', Buffer.from(log.previous.note)), previous: [log.note] }),
  },
  'earlier file for a later one': {
    as: ['altered_entry', 'missing_entry', 'altered_tile'],
    make: (log, draw) => {
      const path = draw.of([...log.bundles, ...log.tiles])
      const stem = path.replace(/\.p\/.*/, '')
      const others = [...log.files.keys()].filter((some) => some !== path && some.startsWith(`${stem}.p/`))
      return others.length > 0 ? one(path, file(log, draw.of(others))) : NOTHING
    },
  },
  'old partial file': {
    as: ['altered_entry', 'altered_tile'],
    make: (log, draw) => {
      if (log.older.length === 0) return NOTHING
      const make = draw.of([(bytes: Uint8Array) => flipped(bytes, draw), (bytes: Uint8Array) => bytes.subarray(0, draw.below(bytes.length))]) // prettier-ignore
      return { ...changed(log, draw.of(log.older), make), isSeenByOthers: false }
    },
  },
  'file of another log': {
    as: ['altered_entry', 'altered_tile', 'wrong_log', 'bad_signature', 'wrong_root', 'altered_payload'],
    make: (log, draw) => {
      const path = draw.of([...log.bundles, ...log.tiles, 'checkpoint', ...log.payloads])
      return { ...one(path, log.sister.files.get(path)), isSeenByOthers: !path.startsWith('payloads/') }
    },
  },
  'entries and tiles of another log': {
    as: ['wrong_root', 'altered_entry'],
    make: (log) => ({ changes: new Map([...log.bundles, ...log.tiles].map((path) => [path, log.sister.files.get(path)])) }), // prettier-ignore
  },
  'another log altogether': { as: ['wrong_log', 'bad_signature'], make: (log) => ({ changes: log.sister.files }) },
  'payload byte': {
    as: ['altered_payload'],
    make: (log, draw) => ({ ...changed(log, draw.of(log.payloads), (bytes) => flipped(bytes, draw)), isSeenByOthers: false }), // prettier-ignore
  },
  'payloads of two entries swapped': {
    as: ['altered_payload'],
    make: (log, draw) => {
      const path = draw.of(log.payloads)
      const lines = Buffer.from(file(log, path)).toString().trimEnd().split('\n')
      const [i, j] = [draw.below(lines.length), draw.below(lines.length)]
      const numbered = (line: string, as: string) => line.replace(/\d+\}$/, /\d+\}$/.exec(as)?.[0] ?? '')
      const swapped = lines.with(i, numbered(at(lines, j), at(lines, i))).with(j, numbered(at(lines, i), at(lines, j)))
      return { ...one(path, Buffer.from(`${swapped.join('\n')}\n`)), isSeenByOthers: false }
    },
  },
  'history rewritten by who has the keys': {
    as: ['fork'],
    make: (log, draw) => {
      const entries = allEntries(log)
      const i = draw.below(log.previous.size)
      const other = Buffer.from(Buffer.from(at(entries, i)).toString().replace('federation.call.', 'federation.cell.'))
      return { ...rewritten(log, entries.with(i, other)), previous: [log.previous.note] }
    },
  },
  'entry dropped by who has the keys': {
    as: ['gap'],
    make: (log, draw) => {
      const entries = allEntries(log)
      const i = log.previous.size + draw.below(log.size - log.previous.size)
      if (i === log.size - 1) return NOTHING // nothing follows: it was never there
      return { ...rewritten(log, entries.toSpliced(i, 1)), previous: [log.previous.note], isSeenByOthers: false }
    },
  },
  'signed by another key of the same name': {
    as: ['bad_signature'],
    make: (log) => {
      const head = parseCheckpoint(parseNote(log.note).body)
      const stranger = logSigner(log.keys.origin, log.keys.witness)
      const line = at(parseNote(log.note).signatures, 1).line
      return one('checkpoint', Buffer.from(`${signNote(formatCheckpoint(head), [stranger])}${line}\n`))
    },
  },
  'root of another size': {
    as: ['wrong_root', 'missing_entry', 'missing_tile', 'altered_tile', 'altered_entry'],
    make: (log, draw) => {
      const { root } = parseCheckpoint(parseNote(draw.of([log.previous.note, log.sister.note])).body)
      return one('checkpoint', Buffer.from(signHead(log.keys, { size: log.size, root })))
    },
  },
} as const satisfies Record<string, { readonly as: readonly DamageKind[]; readonly make: (log: SealedLog, draw: Draw) => Made }> // prettier-ignore
export type MutationClass = keyof typeof CLASSES
