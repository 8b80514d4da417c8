import type { LabNode } from '../lab.ts'

/**
 * Of a road into another table the kernel would take the address that is there for the caller's: whoever calls across says his own
 * (ipv6_dev_get_saddr looks among the tables of the interface that a packet leaves by). One program makes all calls of a place at
 * once: in an emulated machine it is the program that takes time to start.
 */
const CALLS = `
import json, socket, sys
from concurrent.futures import ThreadPoolExecutor
source, seconds, *calls = sys.argv[1:]
def answer(call):
    address, port = call.split(' ')
    try:
        with socket.create_connection((address, int(port)), float(seconds), (source, 0)) as it:
            return it.makefile().readline().strip()
    except OSError:
        return None
with ThreadPoolExecutor(len(calls)) as all:
    json.dump(list(all.map(answer, calls)), sys.stdout)
`

export type Called = { readonly address: string; readonly port: number }

/** Calls TCP ports from one of a node's addresses: what each is told first, or undefined where nobody answers in time. */
export async function callsFrom(
  node: LabNode,
  from: string,
  { calls, timeoutMs }: { readonly calls: readonly Called[]; readonly timeoutMs: number },
): Promise<readonly (string | undefined)[]> {
  const words = [from, String(timeoutMs / 1_000), ...calls.map(({ address, port }) => `${address} ${port}`)]
  const answers = JSON.parse(await node.must('/usr/bin/python3', ['-S', '-c', CALLS, ...words])) as (string | null)[]
  return answers.map((answer) => answer ?? undefined)
}
