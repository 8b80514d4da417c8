import { readFileSync } from 'node:fs'
import { SEALING_KEY_SQL } from '@powernode/postgres'
import { describe, expect, test } from 'vitest'

/** Services whose schema keeps what is sealed. audit-ledger's changes nothing that it keeps: an older key opens it for ever. */
const SERVICES = ['peer-registry', 'grant-authz', 'spawn-provisioner', 'sdwan-compiler']

const schemaOf = (service: string) =>
  readFileSync(new URL(`../../services/${service}/schema.sql`, import.meta.url), 'utf8')

/** `<table>.<column>` of everything sealed. */
function sealedIn(schema: string): string[] {
  return [...schema.matchAll(/^create table (\w+) \(\n([\s\S]*?)^\);/gm)].flatMap(([, table = '', body = '']) =>
    [...body.matchAll(/^ {2}((?:\w+_)?sealed(?:_\w+)?) bytea/gm)].map(([, column = '']) => `${table}.${column}`),
  )
}

function guardedIn(schema: string): string[] {
  const triggers = schema.matchAll(/CREATE TRIGGER \w+ BEFORE INSERT OR UPDATE OF (.+) ON \w+\.(\w+) FOR EACH ROW EXECUTE FUNCTION sealed_under_newest\((.+)\);/g) // prettier-ignore
  return [...triggers].flatMap(([, columns = '', table = '', names = '']) => {
    expect(names.replaceAll("'", ''), table).toBe(columns)
    return columns.split(', ').map((column) => `${table}.${column}`)
  })
}

/** The function as it is written, without what stands around it. */
const bodyOf = (text: string): string => /^declare\n[\s\S]*?^end$/m.exec(text.slice(text.indexOf('sealed_under_newest()')))?.[0] ?? '' // prettier-ignore

describe('whatever rests sealed is refused by the database where it is sealed under a key that was replaced', () => {
  test.each(SERVICES)('%s', (service) => {
    const schema = schemaOf(service)
    const sealed = sealedIn(schema)
    expect(sealed.length).toBeGreaterThan(0)
    expect(guardedIn(schema).toSorted()).toEqual(sealed.toSorted())
    expect(bodyOf(schema)).toBe(bodyOf(SEALING_KEY_SQL))
  })

  test('and nothing rests sealed elsewhere, but for the keys of the ledger', () => {
    const others = ['audit-ledger', 'liveness'].flatMap((service) => sealedIn(schemaOf(service)))
    expect(others).toEqual(['ledger_key.sealed'])
  })
})
