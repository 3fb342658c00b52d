"use strict";
// A rule for textlint: finds the phrases of tools/idioms.txt and the patterns below.
//
// It reads whole paragraphs, so a phrase is also found across the end of a line. Code, links' addresses
// and quotations do not count: a quotation of an RFC keeps its words.

const fs = require("fs");
const path = require("path");

// Patterns that are more than a phrase: [pattern, advice].
const PATTERNS = [
  // A heading may begin so, but a heading of level 6 is the name of a test.
  [
    /(?<=^(?:#{6} )?|[.:;]\s)What\b(?![^.!?]*\?)/g,
    "do not begin with a clause as the subject",
  ],
  [/\btold\b/gi, "reported, given, sent"],
  [/\bnobody\b/gi, "say who does not"],
  [/(?<=^#* ?|[.;]\s)Of (?:a|an|one|those|what|which|it)\b/g, "do not begin with Of"],
  [/(?<!neither)[,;]\snor\b/g, "and not"],
  [/\bof which (?:nothing|none)\b/g, "without, from which"],
  [/\b(?:is|are) to be \w+ed\b/g, "must be"],
  [/\b([a-z]{2,})\s+\1\b/gi, "repeated"],
  [/\b(?:has|have) come\b/g, "arrived"],
  [/\bby which\b/g, "with which, that"],
  [/\bsees? to\b/g, "does, handles"],
  [/\b(?:end|close|die|leave|stop)(?:s|d|ed)? in order\b/g, "cleanly"],
];

/// The phrases with their advice. Case counts only where the phrase has a capital letter.
function idioms() {
  const lines = fs.readFileSync(path.join(__dirname, "../../idioms.txt"), "utf8").split("\n");
  return lines
    .filter((line) => !line.startsWith("#") && line.includes(" => "))
    .map((line) => {
      const [phrase, advice] = line.split(" => ");
      const words = phrase.split(" ").map((word) => word.replace(/\W/g, "\\$&"));
      const flags = /[A-Z]/.test(phrase) ? "g" : "gi";
      return [new RegExp(`\\b${words.join("\\s+")}\\b`, flags), advice];
    });
}

const RULES = [...idioms(), ...PATTERNS];
const OPAQUE = ["Code", "Html", "Image", "CodeBlock"];

/// The text of a paragraph with blanks for what does not count. Each character keeps its place.
function prose(node, source) {
  const text = [...source].length === source.length ? source.split("") : [...source];
  const blank = (from, to, by) => text.fill(by, from - node.range[0], to - node.range[0]);
  const visit = (child) => {
    if (OPAQUE.includes(child.type)) {
      blank(child.range[0], child.range[1], "_");
    } else if (child.type === "Link" && child.children.length > 0) {
      child.children.forEach(visit);
      blank(child.range[0], child.children[0].range[0], " ");
      blank(child.children.at(-1).range[1], child.range[1], " ");
    } else {
      (child.children ?? []).forEach(visit);
    }
  };
  node.children.forEach(visit);
  return text.join("").replace(/"[^"]*"/g, (quotation) => "_".repeat(quotation.length));
}

module.exports = (context) => {
  const { Syntax, RuleError, report, getSource, locator } = context;
  const check = (node) => {
    const text = prose(node, getSource(node));
    for (const [pattern, advice] of RULES) {
      for (const found of text.matchAll(pattern)) {
        const phrase = found[0].replace(/\s+/g, " ");
        report(node, new RuleError(`"${phrase}": ${advice}`, { padding: locator.at(found.index) }));
      }
    }
  };
  return { [Syntax.Paragraph]: check, [Syntax.Header]: check, [Syntax.TableCell]: check };
};
