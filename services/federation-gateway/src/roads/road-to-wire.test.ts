import { toJson } from '@bufbuild/protobuf'
import { TimestampSchema } from '@bufbuild/protobuf/wkt'
import { expect, test } from 'vitest'
import { moment, said } from './road-to-wire.ts'

test.each([
  [new Date(Number.NaN), '1970-01-01T00:00:00Z'],
  [new Date(-62_167_219_200_000), '0001-01-01T00:00:00Z'],
  [new Date(8.64e15), '9999-12-31T23:59:59Z'],
  [new Date('2026-11-22T12:00:00Z'), '2026-11-22T12:00:00Z'],
])('a certificate that names the date %s leaves an answer that can be written down', (date, written) => {
  expect(toJson(TimestampSchema, moment(date))).toBe(written)
})

test('what a server chose is one line that no terminal obeys, and has an end', () => {
  expect(said(`a\u001b[2J\n\u202eb\u2028${'x'.repeat(1_000)}`)).toBe(`a [2J b ${'x'.repeat(504)}`)
})
