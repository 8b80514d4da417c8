import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { EXECUTED_APPROVAL_SQL } from './index.ts'

const OWNERS = [
  'peer-registry/migrations/0004_approval.sql',
  'grant-authz/migrations/0005_approval.sql',
  'spawn-provisioner/migrations/0003_approval.sql',
  'sdwan-compiler/migrations/0003_approval.sql',
  'liveness/migrations/0003_approval.sql',
]

test.each(OWNERS)('the table of what was carried out stands in %s, word for word', (path) => {
  const migration = readFileSync(new URL(`../../../services/${path}`, import.meta.url), 'utf8')
  expect(migration).toContain(EXECUTED_APPROVAL_SQL)
  const role = path.split('/')[0]?.replace('-', '_')
  expect(migration).toContain(`grant select, insert, update on executed_approval to ${role};`)
})
