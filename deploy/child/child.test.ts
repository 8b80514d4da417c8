import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { forgetToken, writePayload } from '@powernode/payload'
import { somePayload } from '@powernode/payload/testing'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { freePort } from '../dev/src/free-port.ts'
import { placesBelow, readMachine } from './machine.ts'
import { openRoad } from './road.ts'

let dir: string
beforeEach(() => (dir = mkdtempSync(join(tmpdir(), 'powernode-child-'))))
afterEach(() => rmSync(dir, { recursive: true, force: true }))

test('a machine knows who it is after its payload lost the token, and keeps no token itself', async () => {
  const root = join(dir, 'fw_cfg')
  const payload = somePayload({ hostname: 'west-1' })
  await writePayload(root, payload)
  const first = await readMachine(dir, root)
  expect(first).toMatchObject({ hostname: 'west-1', trustDomain: payload.trust_domain, parentUrl: payload.parent_url })
  await forgetToken(placesBelow(root))
  expect(await readMachine(dir, root)).toEqual(first)
  expect(readFileSync(join(dir, 'machine.json'), 'utf8')).not.toContain(payload.acceptance_token)
})

test('a machine without a payload is nobody, and one with half a payload says which key is missing', async () => {
  expect(await readMachine(dir, join(dir, 'nothing'))).toBeUndefined()
  const root = join(dir, 'fw_cfg')
  await writePayload(root, somePayload())
  rmSync(join(root, 'by_name/opt/com.powernode/ca_pin'), { recursive: true })
  await expect(readMachine(dir, root)).rejects.toThrow('ca_pin is missing')
  expect(existsSync(join(dir, 'machine.json'))).toBe(false)
})

test("the parent's URL leads to it through the one address that there is, and an end of either is the other's", async () => {
  const closing = new AbortController()
  const parent = createServer((socket) => socket.on('data', (said) => socket.end(`heard ${said.toString()}`)))
  parent.listen(0, '127.0.0.1')
  await once(parent, 'listening')
  try {
    const through = { host: '127.0.0.1', port: (parent.address() as AddressInfo).port } // a TCP server's
    const port = await freePort()
    await openRoad({ parentUrl: `https://127.0.0.1:${port}`, through }, closing.signal)
    const child = connect(port, '127.0.0.1')
    child.write('hello')
    const said: Buffer[] = []
    child.on('data', (chunk: Buffer) => said.push(chunk))
    await once(child, 'close')
    expect(Buffer.concat(said).toString()).toBe('heard hello')
    // Where others knock at this machine's own door the road does not begin: whoever came would be at the parent's.
    const knock = connect(port, '127.0.0.2')
    await expect(once(knock, 'connect')).rejects.toThrow('ECONNREFUSED')
  } finally {
    closing.abort()
    parent.close()
  }
})
