import { readFileSync } from 'node:fs'
import { parsePolicy, type Policy } from '@powernode/tlog'

/** Reads which witnesses have to stand under a checkpoint (C2SP tlog-policy). What it cannot read stops the start. */
export function readPolicy(path: string | undefined): Policy | undefined {
  if (path === undefined) return undefined
  try {
    return parsePolicy(readFileSync(path, 'utf8'))
  } catch (cause) {
    throw new Error(`WITNESS_POLICY_FILE ${path} cannot be used`, { cause })
  }
}
