import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { prepareDatabase } from '@powernode/postgres'
import { removePostgres, startPostgres } from './postgres.ts'
import { SCHEMAS } from './services.ts'

const HEADER = `-- What \`prepareDatabase\` (libs/postgres) does to the server of a platform, in its order, for those who read or run it
-- by hand. Written by deploy/dev/src/write-roles.ts from the statements of a real run; a test says when it is not current.
--
-- Run as superuser. Every <password of …> is a SCRAM verifier or a password of your own choice.
-- Afterwards each schema's owner applies services/<service>/migrations; a service's role then holds the table grants
-- written there, and nothing else.
`

/** The statements that make a platform's database, schemas and roles, as a real server received them. */
export async function describeRoles(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), 'powernode-roles-'))
  const stopping = new AbortController()
  const settings = { log_statement: 'all', log_line_prefix: '', log_error_verbosity: 'terse' }
  try {
    const server = await startPostgres({ dir, fast: true, settings }, stopping.signal)
    try {
      const schemas = SCHEMAS.map(({ schema }) => ({ schema, ownerPassword: 'unseen', servicePassword: 'unseen' }))
      await prepareDatabase({ adminUrl: server.url, database: 'powernode', schemas })
    } finally {
      await server.stop()
    }
    return `${HEADER}\n${statementsOf(readFileSync(join(dir, 'postgres.log'), 'utf8'))}\n`
  } finally {
    removePostgres(dir)
    rmSync(dir, { recursive: true, force: true })
  }
}

/** The statements of a log that change something; what only looks or locks says nothing to a reader. */
function statementsOf(log: string): string {
  const statements: string[] = []
  let inside = false
  for (const line of log.split('\n')) {
    const [, statement] = /^LOG: {2}statement: ((?:create|alter|grant|revoke) .*)$/.exec(line) ?? []
    if (statement !== undefined) statements.push(statement)
    const opensDatabase = statement?.startsWith('revoke all on schema public') && !inside
    if (opensDatabase) {
      inside = true
      statements.splice(-1, 0, '\n\\connect powernode\n')
    }
  }
  return statements.map((statement) => (statement.startsWith('\n') ? statement : `${unsecret(statement)};`)).join('\n')
}

function unsecret(statement: string): string {
  const [, role] = /role "([^"]+)"/.exec(statement) ?? []
  return statement.replace(/password '[^']*'/, `password '<password of ${role}>'`)
}
