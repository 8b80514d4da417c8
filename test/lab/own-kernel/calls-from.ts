import type { LabNode } from '../lab.ts'

/**
 * Of a road into another table the kernel would take the address that is there for the caller's: whoever calls across says his own
 * (ipv6_dev_get_saddr looks among the tables of the interface that a packet leaves by).
 */
const CALL = `
import socket, sys
source, address, port, seconds = sys.argv[1:]
with socket.create_connection((address, int(port)), float(seconds), (source, 0)) as call:
    sys.stdout.write(call.makefile().readline().strip())
`

/** Calls a TCP port from one of a node's addresses: what it is told first, or undefined when nobody answers in time. */
export async function callsFrom(node: LabNode, from: string, said: Called): Promise<string | undefined> {
  const words = [from, said.address, String(said.port), String(said.timeoutMs / 1_000)]
  const { code, out } = await node.run('/usr/bin/python3', ['-S', '-c', CALL, ...words])
  return code === 0 ? out : undefined
}

type Called = { readonly address: string; readonly port: number; readonly timeoutMs: number }
