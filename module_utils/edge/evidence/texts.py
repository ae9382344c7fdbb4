# SPDX-License-Identifier: GPL-3.0-or-later
"""The texts that go into every package: how to check it with standard tools, and a template for a certification."""

from __future__ import annotations

VERIFY = r"""# How to check this package

You need bash, coreutils (sha256sum, sha512sum, base64), sed, grep, diff, find, openssl 3, Python 3 and, for step 2,
bagit.py (the Library of Congress's bagit-python). Nothing of the program that made the package. Work on a copy that is
mounted or marked read-only, in the folder that holds this file. Every step must end without an error message.

Two things must come from elsewhere than this package, or a forger could have made them too:

- the fingerprint of the signing key, from whoever signed;
- if the package has a timestamp, the root certificate of the timestamp authority, from that authority. Put its path
  into AUTHORITY.

```sh
set -euo pipefail
W=$(mktemp -d)
AUTHORITY=${AUTHORITY:-}
```

## 1. The files are those that were packed

```sh
sha256sum --check --strict --quiet manifest-sha256.txt
sha512sum --check --strict --quiet manifest-sha512.txt
sha256sum --check --strict --quiet tagmanifest-sha256.txt
sha512sum --check --strict --quiet tagmanifest-sha512.txt
sha256sum --check --strict --quiet custody/SHA256SUMS
```

## 2. It is a whole bag (RFC 8493), and nothing is in it that no list names

```sh
bagit.py --validate --quiet .
find . ! -type d | sed 's|^\./||' | LC_ALL=C sort > "$W/there"
{ sed 's/^[0-9a-f]*  //' manifest-sha256.txt tagmanifest-sha256.txt custody/SHA256SUMS
  echo custody/SHA256SUMS; ls tagmanifest-sha*.txt; } | LC_ALL=C sort > "$W/listed"
diff "$W/listed" "$W/there"
```

## 3. The signature

A signature file is a DSSE envelope: the signed bytes are `DSSEv1`, the length and name of the type, the length of the
payload, and the payload, with single spaces between.

```sh
payload() { sed -n 's/^ "payload": "\(.*\)",$/\1/p' "$1" | base64 -d; }
check() {  # check ENVELOPE PUBLIC-KEY
  payload "$1" > "$W/payload"
  type=$(sed -n 's/^ "payloadType": "\(.*\)",$/\1/p' "$1")
  { printf 'DSSEv1 %d %s %d ' "${#type}" "$type" "$(wc -c < "$W/payload")"; cat "$W/payload"; } > "$W/signed"
  sed -n 's/^   "sig": "\(.*\)"$/\1/p' "$1" | base64 -d > "$W/signature"
  if openssl pkey -pubin -in "$2" -noout -text | grep -qi ed25519; then
    openssl pkeyutl -verify -pubin -inkey "$2" -rawin -in "$W/signed" -sigfile "$W/signature"
  else
    openssl dgst -sha256 -verify "$2" -signature "$W/signature" "$W/signed"
  fi
}
check signature/statement.dsse.json evidence/public-key.pem
```

What was signed names the tag manifests, and they are these:

```sh
payload signature/statement.dsse.json > "$W/statement"
grep -q "\"sha256\": \"$(sha256sum < tagmanifest-sha256.txt | cut -d' ' -f1)\"" "$W/statement"
grep -q "\"sha512\": \"$(sha512sum < tagmanifest-sha512.txt | cut -d' ' -f1)\"" "$W/statement"
```

The fingerprint of the key, to be compared with the one that you have from elsewhere:

```sh
openssl pkey -pubin -in evidence/public-key.pem -outform DER | sha256sum
```

## 4. The timestamp, if there is one

The signed statement says whether there is one, and if not, why (`"timestamp"`).

```sh
grep -A 4 '"timestamp": {' "$W/statement"
if test -e signature/statement.dsse.json.tsr; then
  openssl ts -reply -in signature/statement.dsse.json.tsr -text
  openssl ts -verify -data signature/statement.dsse.json -in signature/statement.dsse.json.tsr -CAfile "$AUTHORITY"
else
  grep -q '"status": "absent"' "$W/statement"
fi
```

## 5. Who did what with the package, and when

Each entry of the custody record quotes the SHA-256 of the one before it, the first that of the signature, and is signed
with the key that it holds. Compare the SHA-256 of the last entry with the one that you noted when you took the package
over: that the newest entries were taken away cannot be seen in any other way.

```sh
before=signature/statement.dsse.json
for entry in custody/*.dsse.json; do
  payload "$entry" > "$W/entry"
  sed -n 's/^ "public_key": "\(.*\)"$/\1/p' "$W/entry" | base64 -d > "$W/key.der"
  openssl pkey -pubin -inform DER -in "$W/key.der" -out "$W/key.pem"
  check "$entry" "$W/key.pem"
  grep -q "\"sha256\": \"$(sha256sum < "$before" | cut -d' ' -f1)\"" "$W/entry"
  cat "$W/entry"
  before=$entry
done
for file in signature/*; do
  payload custody/0001.dsse.json | grep -q "\"$file\": \"$(sha256sum < "$file" | cut -d' ' -f1)\""
done
payload custody/0001.dsse.json | sed -n 's/^ "public_key": "\(.*\)"$/\1/p' | base64 -d > "$W/sealer.der"
openssl pkey -pubin -in evidence/public-key.pem -outform DER | cmp - "$W/sealer.der"
sha256sum "$before"
```

## 6. The journal of requests is whole

Every line holds the SHA-256 of itself without that field, and of the line before it.

```sh
test ! -e evidence/journal.jsonl || python3 - evidence/journal.jsonl <<'END'
import hashlib, json, sys
before = "0" * 64
for number, line in enumerate(open(sys.argv[1], "rb"), start=1):
    data = json.loads(line)
    stated = data.pop("hash")
    canonical = json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
    assert hashlib.sha256(canonical).hexdigest() == stated, f"line {number} was changed"
    assert (data["prev"], data["seq"]) == (before, number), f"line {number} does not follow"
    before = stated
print(number, "events; the last is", before)
END
rm -r "$W"
```

## What this shows

Steps 1 to 3 show that every file is, byte for byte, the one that was packed and signed; step 4, where there is a
timestamp, that this was so before the authority's time. `evidence/objects.json` says for each object which checksums of
the storage its bytes were compared with. Whether the recordings themselves are whole, as the storage gave them, is
another question: `evidence/audio.json` and `evidence/summary.html` speak of it.
"""

CERTIFICATION = """# TEMPLATE: certification of a qualified person

THIS IS A TEMPLATE, NOT A CERTIFICATION. It makes no statement until a person who is qualified, and has checked every
line, completes and signs it. It is no legal advice: whether it serves, and in which form, is for a lawyer to say. Read
the rules in their current wording before you use it.

## A. Federal Rules of Evidence (United States), Rules 902(13) and 902(14)

Rule 902(13) is about records generated by an electronic process or system, Rule 902(14) about data copied from an
electronic device, storage medium or file and authenticated by a process of digital identification. Both ask for a
certification that meets Rule 902(11) or (12), and for notice.

1. My name is [NAME]. I am [POSITION] at [EMPLOYER]. I am qualified to make this certification because [TRAINING,
   EXPERIENCE, KNOWLEDGE OF THE SYSTEM].
2. On [DATES] I [DID MYSELF / SUPERVISED] the retrieval of {objects} objects ({octets} bytes) from [BUCKET AND ACCOUNT],
   with [PROGRAM AND VERSION: see evidence/provenance.json].
3. [902(13) ONLY: describe the system that generated the recordings, and why its process produces an accurate result.]
4. For every file the values SHA-256 and SHA-512 were computed when it was packed. They stand in manifest-sha256.txt and
   manifest-sha512.txt of the package. [STATE WHETHER YOU RECOMPUTED THEM, WHEN AND HOW, AND WITH WHICH RESULT.]
5. The process of digital identification was: [DESCRIBE, WITH THE COMPARISON WITH THE STORAGE'S OWN CHECKSUMS AS
   evidence/objects.json STATES IT FOR EACH OBJECT, AND ITS EXCEPTIONS].
6. The package is signed with the key whose SHA-256 is {keyid}. [WHO HOLDS THE KEY, AND HOW IT IS KEPT.]
7. [STATE WHAT IS MISSING, DEFECTIVE OR NOT EXPLAINED according to evidence/reconciliation.json and
   evidence/audio.json.]

[DECLARATION AND SIGNATURE IN THE FORM THAT THE APPLICABLE LAW ASKS FOR: lawyer to insert]

Date: ____________  Signature: ____________________________

## B. England and Wales

Left to the lawyer. To consider, in their current wording: the Civil Procedure Rules, Part 31 with Practice Direction
31B (disclosure of electronic documents), or in the Business and Property Courts Practice Direction 57AD (disclosure;
its paragraph 4 is about the preservation of documents). Facts that a statement may need, all in this package: what was
asked for, found and missing (evidence/reconciliation.json); how each file was copied and compared
(evidence/objects.json, evidence/journal.jsonl); who held the package (custody/).

[STATEMENT, AND STATEMENT OF TRUTH IN THE FORM REQUIRED AT THE TIME: lawyer to insert]
"""


def certification(objects: int, octets: int, keyid: str) -> str:
    return CERTIFICATION.format(objects=objects, octets=octets, keyid=keyid)
