import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from '@powernode/process'

/** What this node is doing, in a sentence: for the provider that made it, for its console, and for whoever waits. */
export type Progress = { readonly say: (doing: string) => void }

const MOST = 500

/** Writes it to `<dir>/progress`, whole or not at all, and to the log. Saying the same again says nothing. */
export function progressIn(dir: string, logger: Logger): Progress {
  mkdirSync(dir, { recursive: true, mode: 0o711 })
  const path = join(dir, 'progress')
  let last = ''
  return {
    say(doing) {
      const line = doing.replaceAll(/[\x00-\x1f\x7f]+/g, ' ').slice(0, MOST)
      if (line === last) return
      last = line
      writeFileSync(`${path}.new`, `${line}\n`, { mode: 0o644 })
      renameSync(`${path}.new`, path)
      logger.info({ state: line }, 'first run')
    },
  }
}
