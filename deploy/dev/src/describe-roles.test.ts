import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { describeRoles } from './describe-roles.ts'

test('deploy/postgres/roles.sql is what prepareDatabase does (else: node deploy/dev/run.mjs deploy/dev/src/write-roles.ts)', async () => {
  const text = readFileSync(new URL('../../postgres/roles.sql', import.meta.url), 'utf8')
  expect(text).toBe(await describeRoles())
  expect(text).toContain('create role "audit_ledger" with login nosuperuser')
  expect(text).not.toContain('SCRAM-SHA-256$')
})
