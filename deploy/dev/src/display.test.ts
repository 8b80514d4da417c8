import { expect, test } from 'vitest'
import { createDisplay } from './display.ts'

function terminal(isTTY: boolean) {
  const written: string[] = []
  return { isTTY, columns: 60, write: (text: string) => written.push(text), text: () => written.join('') }
}

test('where nobody watches, each step is one plain line, when it is over', async () => {
  const out = terminal(false)
  const display = createDisplay(out, {})
  await display.step('first', async (say) => say('done well'))
  await expect(display.step('second', () => Promise.reject(new Error('no luck')))).rejects.toThrow('no luck')
  expect(out.text()).toMatch(/^ {2}✓ first +0\.00 s {2}done well\n {2}✗ second +0\.00 s {2}no luck\n$/)
  expect(display.steps).toMatchObject([
    { name: 'first', ok: true },
    { name: 'second', ok: false, error: 'no luck' },
  ])
})

test('on a terminal a running step is drawn over itself, never wider than the screen', async () => {
  const out = terminal(true)
  const display = createDisplay(out, { NO_COLOR: '1' })
  await display.step('long', async (say) => say('x'.repeat(200)))
  const running = out
    .text()
    .split('\n')
    .filter((line) => line.includes('⠋'))
  expect(running.length).toBe(2)
  for (const line of running) expect(line.replaceAll(/\u001b\[\d*[A-Z]/g, '').length).toBeLessThan(60)
  expect(out.text()).toContain('\u001b[1A\u001b[J')
})
