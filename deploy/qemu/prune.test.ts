import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { randomUUID } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { instanceDir } from '../../services/spawn-provisioner/src/providers/instance-dir.ts'
import { liveBy } from '../../services/spawn-provisioner/src/providers/qemu/image.ts'
import { pruneImages } from './prune.ts'

const NOW = new Date('2026-03-01T00:00:00Z')
const [FIRST, SECOND, THIRD, FOURTH] = ['1', '2', '3', '4'].map((digit) => digit.repeat(16)) as [string, string, string, string] // prettier-ignore

let images: string
beforeEach(() => {
  images = mkdtempSync(join(tmpdir(), 'powernode-images-'))
})
afterEach(() => rmSync(images, { recursive: true }))

function made(name: string, daysAgo: number): void {
  const at = new Date(NOW.getTime() - daysAgo * 86_400_000)
  mkdirSync(join(images, name))
  writeFileSync(join(images, name, 'system.ext4'), '')
  utimesSync(join(images, name, 'system.ext4'), at, at)
}

function childOf(image: string): string {
  const instance = instanceDir(join(images, 'instances'), randomUUID())
  mkdirSync(instance.dir, { recursive: true })
  liveBy(join(images, image), instance)
  return instance.dir
}

test('the image in use and the one before it stay; older ones go', () => {
  for (const [name, daysAgo] of [[FIRST, 4], [SECOND, 3], [THIRD, 2], [FOURTH, 1]] as const) made(name, daysAgo) // prettier-ignore
  symlinkSync(FOURTH, join(images, 'current'))
  expect(pruneImages(images, FOURTH, NOW)).toEqual([SECOND, FIRST])
  expect(readdirSync(images).toSorted()).toEqual([THIRD, FOURTH, 'current'])
  expect(pruneImages(images, FOURTH, NOW), 'again').toEqual([])
})

test('who goes back to an earlier state of the checkout keeps the later image', () => {
  for (const [name, daysAgo] of [[FIRST, 4], [SECOND, 3], [THIRD, 2]] as const) made(name, daysAgo) // prettier-ignore
  expect(pruneImages(images, FIRST, NOW)).toEqual([SECOND])
})

test('an image that a child lives by stays, however old, until the child is gone', () => {
  for (const [name, daysAgo] of [[FIRST, 90], [SECOND, 3], [THIRD, 2]] as const) made(name, daysAgo) // prettier-ignore
  const [gone, lives] = [childOf(FIRST), childOf(FIRST)]
  rmSync(gone, { recursive: true })
  expect(pruneImages(images, THIRD, NOW)).toEqual([])
  rmSync(lives, { recursive: true })
  expect(pruneImages(images, THIRD, NOW)).toEqual([FIRST])
})

test('what a killed maker left goes after a day; one that is at work is left alone', () => {
  made(FIRST, 1)
  for (const [name, hoursAgo] of [
    ['making-killed', 25],
    ['making-busy', 1],
  ] as const) {
    const at = new Date(NOW.getTime() - hoursAgo * 3_600_000)
    mkdirSync(join(images, name))
    utimesSync(join(images, name), at, at)
  }
  expect(pruneImages(images, FIRST, NOW)).toEqual(['making-killed'])
  expect(existsSync(join(images, 'making-busy'))).toBe(true)
})
