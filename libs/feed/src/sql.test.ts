import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { FEED_SQL } from './sql.ts'

const services = new URL('../../../services/', import.meta.url)

/** Every migration that makes the tables of this lib. */
function migrations(): { readonly name: string; readonly text: string }[] {
  return readdirSync(services, { recursive: true, encoding: 'utf8' })
    .filter((name) => /\/migrations\/[^/]+\.sql$/.test(name) && !name.includes('node_modules'))
    .map((name) => ({ name, text: readFileSync(new URL(name, services), 'utf8') }))
    .filter(({ text }) => text.includes('feed_replica (') || text.includes('function feed_epoch('))
}

test('every schema that feeds has the very tables and functions of this lib', () => {
  const found = migrations()
  expect(found.map(({ name }) => name.split('/')[0])).toEqual(expect.arrayContaining(['peer-registry', 'grant-authz']))
  expect(found.filter(({ text }) => !text.includes(FEED_SQL)).map(({ name }) => name)).toEqual([])
})
