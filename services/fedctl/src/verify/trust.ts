import { existsSync, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { parsePolicy, parseVkey, verifiersOf, type Policy, type Trust, type Verifier } from '@powernode/tlog'
import { usage } from '../problem.ts'
import { read } from '../said.ts'

/** Whom a check believes. */
export type Trusted = {
  readonly verifiers: readonly Verifier[]
  /** Undefined: nobody but the log has to stand by it. */
  readonly policy: Policy | undefined
  /** The same, as the libraries ask for it. */
  readonly trust: Trust
}

const HOW =
  'fedctl audit verify <folder> --key <vkey, or a file of them>; the keys come from the platform that signs, by another way than the log'

/** Keys as they were typed, or in files one a line; and the policy's own. */
export function trustFrom(cwd: string, keys: readonly string[], policyFile: string | undefined): Trusted {
  const given = keys.flatMap((key) => verifiersIn(cwd, key))
  const policy = policyFile === undefined ? undefined : withKeys(readPolicy(cwd, policyFile), given)
  const verifiers = policy ? verifiersOf(policy) : given
  if (verifiers.length === 0) throw usage('with whose key?', HOW)
  return { verifiers, policy, trust: policy ?? verifiers }
}

/** A policy says how many witnesses it takes. Which log it is for, and further witnesses, may be said beside it. */
function withKeys({ logs, witnesses, quorum }: Policy, given: readonly Verifier[]): Policy {
  const known = new Set([...logs, ...witnesses].map(({ verifier }) => verifier.vkey))
  const others = given.filter(({ vkey }) => !known.has(vkey))
  const of = (type: string) => others.filter((verifier) => verifier.type === type).map((verifier) => ({ verifier }))
  return { logs: [...logs, ...of('ed25519')], witnesses: [...witnesses, ...of('cosignature/v1')], quorum }
}

function verifiersIn(cwd: string, key: string): Verifier[] {
  const path = resolve(cwd, key)
  const isFile = existsSync(path) && statSync(path).isFile()
  const lines = isFile ? read(path, key).split('\n') : [key]
  return lines
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => parsed(() => parseVkey(line), isFile ? key : `"${line}"`))
}

const readPolicy = (cwd: string, file: string): Policy =>
  parsed(() => parsePolicy(read(resolve(cwd, file), file)), file)

function parsed<T>(parse: () => T, what: string): T {
  try {
    return parse()
  } catch (error) {
    throw usage(`${what}: ${error instanceof Error ? error.message : String(error)}`, HOW)
  }
}
