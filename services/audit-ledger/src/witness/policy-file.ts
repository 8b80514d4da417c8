import { readFileSync } from 'node:fs'
import { parsePolicy, type Policy } from '@powernode/tlog'

/**
 * Reads which witnesses have to stand under a checkpoint of ours (C2SP tlog-policy). What it cannot read stops the start, and
 * what it would not do: a line that names a log is for whoever verifies one, and the logs here are ours.
 */
export function readPolicy(path: string | undefined): Policy | undefined {
  if (path === undefined) return undefined
  try {
    const policy = parsePolicy(readFileSync(path, 'utf8'))
    if (policy.logs.length > 0) throw new Error('log lines are not for this file: the logs are our own')
    return policy
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`WITNESS_POLICY_FILE ${path} cannot be used: ${why}`, { cause })
  }
}
