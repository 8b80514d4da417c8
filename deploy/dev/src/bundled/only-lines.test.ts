import { SourceMap } from 'node:module'
import { encode, type SourceMapSegment } from '@jridgewell/sourcemap-codec'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { onlyLines } from './only-lines.ts'

/** A line of what was made, and where its places were. */
const segments = fc
  .uniqueArray(fc.nat(60), { maxLength: 8 })
  .chain((columns) =>
    fc.tuple(
      ...columns
        .toSorted((a, b) => a - b)
        .map((column) =>
          fc.oneof(
            fc.tuple(fc.constant(column), fc.nat(1), fc.nat(5), fc.nat(80)),
            fc.tuple(fc.constant(column), fc.nat(1), fc.nat(5), fc.nat(80), fc.nat(1)),
          ),
        ),
    ),
  )

const mapOf = (lines: SourceMapSegment[][]) => ({
  version: 3,
  file: 'made.mjs',
  sources: ['a.ts', 'b.ts'],
  names: ['one', 'two'],
  mappings: encode(lines),
})

test('every place is in the line that it was in, whatever the map', () => {
  fc.assert(
    fc.property(fc.array(segments, { maxLength: 5 }), (lines) => {
      const whole = mapOf(lines)
      const [before, after] = [whole, onlyLines(whole)].map((map) => new SourceMap(map as never))
      const lineOf = (map: SourceMap | undefined, line: number, column: number) => {
        const entry = map?.findEntry(line, column)
        return entry && 'originalLine' in entry ? [entry.originalSource, entry.originalLine] : []
      }
      for (let line = 0; line < lines.length; line++)
        for (let column = 0; column <= 62; column++)
          expect(lineOf(after, line, column)).toEqual(lineOf(before, line, column))
    }),
  )
})

test('what says nothing new is left out', () => {
  const map = mapOf([[[0, 0, 1, 0], [4, 0, 1, 4, 0], [9, 0, 2, 0]], [[0, 1, 2, 0], [5, 1, 2, 7]]]) // prettier-ignore
  expect(onlyLines(map)).toMatchObject({ names: [], mappings: encode([[[0, 0, 1, 0], [9, 0, 2, 0]], [[0, 1, 2, 0]]]) }) // prettier-ignore
})
