import { spawnSync } from 'node:child_process'
import { cpSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const SYSTEMD = import.meta.dirname
const units = globSync('*.{service,target}', { cwd: SYSTEMD })
const target = readFileSync(join(SYSTEMD, 'powernode.target'), 'utf8')
/** Every unit as a host starts it: of the template, those that the platform wants. */
const started = [
  ...units.filter((name) => !name.includes('@')),
  ...[...target.matchAll(/powernode@\S+\.service/g)].map(([name]) => name),
]
const users = [...readFileSync(join(SYSTEMD, 'sysusers.conf'), 'utf8').matchAll(/^u (\S+)/gm)].map(([, name]) => name)

test.for(started)('%s runs as a user that sysusers.conf makes, or as root', (name) => {
  const template = name.replace(/@.*\./, '@.')
  const [, user] = /^User=(.*)$/m.exec(readFileSync(join(SYSTEMD, template), 'utf8')) ?? []
  if (user === undefined) return expect(name).toBe('powernode.target')
  const instance = /@(.*)\./.exec(name)?.[1] ?? ''
  expect(['root', ...users]).toContain(user.replace('%i', instance))
})

const hasSystemd = spawnSync('systemd-analyze', ['--version']).status === 0
const why = hasSystemd ? '' : ' (skipped: systemd-analyze is not here; apt-get install systemd)'

describe.skipIf(!hasSystemd)(`a host that has read the units${why}`, () => {
  const host = mkdtempSync(join(tmpdir(), 'powernode-units-'))
  const etc = join(host, 'etc/systemd/system')
  beforeAll(() => {
    for (const name of [...units, ...globSync('*.d', { cwd: SYSTEMD })])
      cpSync(join(SYSTEMD, name), join(etc, name), { recursive: true })
    mkdirSync(join(host, 'usr/lib/systemd'), { recursive: true })
    symlinkSync('/lib/systemd/system', join(host, 'usr/lib/systemd/system')) // what every unit comes after
    // What units start is looked for, and not run.
    for (const program of ['opt/powernode/node_modules/.bin/node', 'usr/sbin/nats-server', 'bin/kill', 'bin/sh']) {
      mkdirSync(dirname(join(host, program)), { recursive: true })
      writeFileSync(join(host, program), '#!/bin/sh\n', { mode: 0o755 })
    }
  })
  afterAll(() => rmSync(host, { recursive: true, force: true }))

  /** What systemd says of units, below a root of its own: what this machine runs has no part in it. */
  const remarks = (names: readonly string[]) => {
    const told = spawnSync('systemd-analyze', ['verify', '--man=no', `--root=${host}`, ...names], { encoding: 'utf8' })
    return told.stderr.trim()
  }

  test('finds nothing in them that it would ignore or could not start', () => {
    expect(started.length).toBeGreaterThan(8)
    expect(remarks(started)).toBe('')
  })

  test.each([
    ['a word it does not know', 'powernode@.service', 'NoNewPrivileges=yes', 'NoNewPrivilege=yes'],
    ['a value that means nothing', 'powernode@.service', 'Restart=always', 'Restart=allways'],
    ['a group of calls that there is not', 'powernode@spawn-provisioner.service.d/children.conf', '@system-service', '@all'], // prettier-ignore
    ['a program that is not there', 'powernode-nats.service', '/usr/sbin/nats-server', '/usr/bin/nats-server'],
  ])('the twin: it would find %s', (_, file, right, wrong) => {
    const text = readFileSync(join(SYSTEMD, file), 'utf8')
    writeFileSync(join(etc, file), text.replace(right, wrong))
    try {
      expect(remarks(started)).toMatch(/Unknown key|Failed to parse|Unknown system call group|is not executable/)
    } finally {
      writeFileSync(join(etc, file), text)
    }
  })
})
