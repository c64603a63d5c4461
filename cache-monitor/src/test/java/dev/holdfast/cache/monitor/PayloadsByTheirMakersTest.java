package dev.holdfast.cache.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * What {@link DeliveryTest} holds to be sent, by the libraries of those who receive it: Slack's types, and the library that shows Adaptive Cards, which
 * tells of all that is not in the version of its schema that the card names.
 */
@Tag("npm")
class PayloadsByTheirMakersTest {
    private static final Path LIBRARIES = Path.of("target/npm/node_modules").toAbsolutePath();

    /** Prints how many remarks there are on each card, of its parts and of their values. */
    private static final String JUDGE = """
            globalThis.self = globalThis; globalThis.window = globalThis;
            const cards = require(process.argv[2] + '/adaptivecards/dist/adaptivecards.js');
            for (const line of require('fs').readFileSync(process.argv[3], 'utf8').split('\\n').filter(each => each)) {
              const context = new cards.SerializationContext(cards.Versions.v1_4);
              const card = new cards.AdaptiveCard();
              card.parse(JSON.parse(line).attachments[0].content, context);
              console.log(context.eventCount + card.validateProperties().validationEvents.length + ' ' + card.getItemCount());
            }
            """;

    @TempDir
    private Path dir;

    private record Outcome(int exit, String said) {}

    private Outcome run(String... command) throws IOException, InterruptedException {
        Path said = Files.createTempFile(dir, "said", ".txt");
        Process process = new ProcessBuilder(command)
                .directory(dir.toFile())
                .redirectErrorStream(true)
                .redirectOutput(said.toFile())
                .start();
        assertTrue(process.waitFor(60, TimeUnit.SECONDS), () -> String.join(" ", command) + " does not end");
        return new Outcome(process.exitValue(), Files.readString(said));
    }

    private static String golden(String name) throws IOException {
        return Files.readString(Path.of("src/test/resources/golden", name));
    }

    private Outcome judged(String cards) throws IOException, InterruptedException {
        Path judge = Files.writeString(dir.resolve("judge.js"), JUDGE);
        Path sent = Files.writeString(dir.resolve("cards.txt"), cards, StandardCharsets.UTF_8);
        return run("node", judge.toString(), LIBRARIES.toString(), sent.toString());
    }

    @Test
    void theLibraryOfAdaptiveCardsHasNoRemark() throws Exception {
        String sent = golden("teams.txt");
        assertEquals(new Outcome(0, "0 3\n".repeat((int) sent.lines().count())), judged(sent));
        Outcome wrong = judged(sent.replace("\"FactSet\"", "\"FactSett\""));
        assertEquals(0, wrong.exit(), wrong.said());
        assertTrue(wrong.said().lines().noneMatch(line -> line.startsWith("0 ")), wrong.said());
    }

    private Outcome typed(String messages) throws IOException, InterruptedException {
        StringBuilder source = new StringBuilder("import type { KnownBlock } from '" + LIBRARIES + "/@slack/types';\n");
        List<String> lines = messages.lines().toList();
        for (int i = 0; i < lines.size(); i++) {
            source.append("export const m").append(i).append(": { text: string; blocks: KnownBlock[] } = ");
            source.append(lines.get(i)).append(";\n");
        }
        Path sent = Files.writeString(dir.resolve("sent.ts"), source, StandardCharsets.UTF_8);
        Path compiler = LIBRARIES.resolve("typescript/bin/tsc");
        return run("node", compiler.toString(), "--noEmit", "--strict", "--skipLibCheck", sent.toString());
    }

    @Test
    void slacksTypesTakeItsBlocks() throws Exception {
        String sent = golden("slack.txt");
        assertEquals(new Outcome(0, ""), typed(sent));
        Outcome wrong = typed(sent.replace("\"header\"", "\"heading\""));
        assertNotEquals(0, wrong.exit());
        assertTrue(wrong.said().contains("heading"), wrong.said());
    }
}
