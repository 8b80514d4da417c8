import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SQL_BANS } from './bans.ts'

/** The lines of every migration that say what bans.ts forbids in SQL: `file:line: why`. */
export function bannedSqlIn(root: string): string[] {
  const files = globSync('{services,libs,deploy}/**/*.sql', { cwd: root, exclude: ['**/node_modules/**'] }).sort()
  return files.flatMap((file) => bannedLines(readFileSync(join(root, file), 'utf8')).map((said) => `${file}:${said}`))
}

export function bannedLines(sql: string): string[] {
  return sql.split('\n').flatMap((line, index) => {
    const code = line.replace(/--.*/, '')
    return SQL_BANS.filter(({ pattern }) => pattern.test(code)).map(({ why }) => `${index + 1}: ${why}`)
  })
}
