import { expect, test } from 'vitest'
import { checkPeerUrl } from './url.ts'

test.each([
  ['https://a.example', 'https://a.example'],
  ['https://A.Example:443/', 'https://a.example'],
  ['https://[FD00::1]:8443', 'https://[fd00::1]:8443'],
])('%s is the address %s', (said, url) => expect(checkPeerUrl(said)).toBe(url))

test.each([
  'http://a.example', 'ftp://a.example', 'a.example:8443', '', 'https://', 'javascript:alert(1)', 'https://u@a.example',
  'https://u:p@a.example', 'https://a.example/x', 'https://a.example/?x', 'https://a.example/#x', 'file:///etc/passwd',
])('%s is refused', (said) => expect(() => checkPeerUrl(said)).toThrow(/cannot be a peer's URL/)) // prettier-ignore
