import { create, type JsonObject } from '@bufbuild/protobuf'
import { ResourceSchema } from '@powernode/proto/powernode/federation/v1/resource_pb.ts'
import { expect, test } from 'vitest'
import { conceal, forbiddenChange, reveal } from './reveal.ts'

const resource = (record: JsonObject, withheldFields: string[] = []) =>
  create(ResourceSchema, { kind: 'K', id: 'k-1', record, withheldFields })

test.each<[string, JsonObject, string[], JsonObject, string[]]>([
  ['a field', { a: 1, key: 2 }, ['key'], { a: 1 }, ['key']],
  ['a field within another', { a: { b: 1, c: 2 } }, ['a.b'], { a: { c: 2 } }, ['a.b']],
  ['a field within each of a list', { a: [{ b: 1 }, { c: 2 }, 3] }, ['a.b'], { a: [{}, { c: 2 }, 3] }, ['a.b']],
  ['a field whose name has a dot', { 'a.b': 1, c: 1 }, ['a.b'], { c: 1 }, ['a.b']],
  ['a field within one whose name has a dot', { 'a.b': { c: 1 } }, ['a.b.c'], { 'a.b': {} }, ['a.b.c']],
  ['a field, however its path is spelt', { 'a.b': 1, a: { b: 2, c: 3 } }, ['a.b'], { a: { c: 3 } }, ['a.b']],
  [
    'a field, wherever its path leads',
    { a: { 'b.c': 1, b: { c: 2 } }, 'a.b': [{ c: 3 }] },
    ['a.b.c'],
    { a: { b: {} }, 'a.b': [{}] },
    ['a.b.c'],
  ],
  ['nothing that is not there', { a: 1 }, ['b', 'a.b'], { a: 1 }, []],
  ['nothing that differs in case', { Key: 1 }, ['key'], { Key: 1 }, []],
  ['nothing inherited', { a: 1 }, ['constructor', 'a.toString'], { a: 1 }, []],
])('%s is withheld, and named', (_, record, sensitive, shown, withheld) => {
  const before = structuredClone(record)
  const seen = reveal(resource(record), sensitive)
  expect([seen.record, seen.withheldFields]).toEqual([shown, withheld])
  expect(record).toEqual(before)
})

test('what the owner withheld already is named as well', () => {
  expect(reveal(resource({ a: 1 }, ['secret']), ['a']).withheldFields).toEqual(['secret', 'a'])
})

test('a concealed record has its id, and no field', () => {
  const { id, record, withheldFields } = conceal(resource({ a: 1, b: 2 }, ['c']))
  expect([id, record, withheldFields]).toEqual(['k-1', {}, ['c', 'a', 'b']])
})

test.each<[JsonObject, string[], string | undefined]>([
  [{ a: 1 }, ['key'], undefined],
  [{ key: 1 }, ['key'], 'key'],
  [{ a: { b: 1 } }, ['a.secret'], 'a'], // setting all of a would do away with a.secret
  [{ 'a.secret': 1 }, ['a'], 'a.secret'],
  [{ key: null }, ['key'], 'key'],
  [{ keyring: 1 }, ['key'], undefined],
])('changing %j is refused for %j: %s', (changes, sensitive, refused) => {
  expect(forbiddenChange(changes, sensitive)).toBe(refused)
})
