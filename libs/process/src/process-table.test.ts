import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { isAlive, isRunning, processesWith, processName } from './process-table.ts'

test('a process is known by its number and the moment it started, until it ends', async () => {
  const mark = `mark-${process.pid}-${performance.now()}`
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', mark], { stdio: 'ignore' })
  await once(child, 'spawn')
  const pid = child.pid!
  const name = processName(pid)!
  expect(name.pid).toBe(pid)
  expect(isRunning(name)).toBe(true)
  // Its number in other hands would be another start.
  expect(isRunning({ pid, started: 'at another time' })).toBe(false)
  expect(processesWith(mark)).toEqual([pid])
  expect(processesWith(`${mark}-of-nobody`)).toEqual([])
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(isAlive(pid)).toBe(false)
  expect(isRunning(name)).toBe(false)
  expect(processName(pid)).toBeUndefined()
  expect(processesWith(mark)).toEqual([])
})
