import { existsSync } from 'node:fs'
import { eventually } from '../eventually.ts'
import type { Child } from '@powernode/dev/child'
import { must, type LabNode } from './lab.ts'

/**
 * A WireGuard interface made by wireguard-go. Its socket is one of the machine and not of the namespace, so `name` MUST be one
 * that nobody else on the machine has.
 */
export async function startWireGuard(node: LabNode, name: string): Promise<Child> {
  const env = { WG_PROCESS_FOREGROUND: '1', LOG_LEVEL: 'error' }
  const child = await node.start(name, 'wireguard-go', ['-f', name], env)
  await eventually(() => Promise.resolve(existsSync(`/var/run/wireguard/${name}.sock`)), Boolean)
  return child
}

export type KeyPair = { readonly privateKey: string; readonly publicKey: string }

export async function wireGuardKeys(): Promise<KeyPair> {
  const privateKey = (await must('wg', ['genkey'])).trim()
  const publicKey = (await must('wg', ['pubkey'], { input: privateKey })).trim()
  return { privateKey, publicKey }
}
