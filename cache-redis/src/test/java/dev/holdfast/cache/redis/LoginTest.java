package dev.holdfast.cache.redis;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.holdfast.cache.Credentials;
import dev.holdfast.cache.CredentialsProvider;
import dev.holdfast.cache.Secret;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneId;
import java.time.ZoneOffset;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** What a provider is asked, and when. */
class LoginTest {
    private final Queue<Credentials> given = new ArrayDeque<>();
    private final List<Credentials> refused = new ArrayList<>();
    private final Hands clock = new Hands();

    private static final class Hands extends Clock {
        private Instant now = Instant.parse("2026-01-01T00:00:00Z");

        @Override
        public Instant instant() {
            return now;
        }

        @Override
        public ZoneId getZone() {
            return ZoneOffset.UTC;
        }

        @Override
        public Clock withZone(ZoneId zone) {
            return this;
        }
    }

    private Login login() {
        CredentialsProvider provider = new CredentialsProvider() {
            @Override
            public Credentials get() {
                return given.size() > 1 ? given.remove() : given.element();
            }

            @Override
            public void refused(Credentials credentials) {
                refused.add(credentials);
            }
        };
        return new Login(RemoteAccess.defaults().withUsername("app").withCredentials(provider), clock);
    }

    private static Credentials token(String text) {
        return Credentials.of(Secret.of(text));
    }

    @Test
    void whatNamesNoUserLogsTheConfiguredOneIn() throws Exception {
        given.add(token("a"));
        given.add(Credentials.of("other", Secret.of("b")));
        Login login = login();
        assertEquals(new Authentication("app", "a"), login.ask());
        assertEquals(new Authentication("other", "b"), login.ask());
        assertEquals(new Authentication("other", "b"), login.latest());
        assertEquals("other:***", String.valueOf(login.latest()));
    }

    @Test
    void aRefusalIsToldAndAskedAboutOnceMore() throws Exception {
        given.add(token("a"));
        given.add(token("b"));
        Login login = login();
        Authentication first = login.ask();
        assertEquals(new Authentication("app", "b"), login.askAgain(first));
        assertEquals(List.of(token("a")), refused);
        assertNull(login.askAgain(new Authentication("app", "b")), "the same again");
    }

    @Test
    void anAnswerThatTookLongDoesNotReplaceThatToALaterQuestion() throws Exception {
        CountDownLatch asked = new CountDownLatch(1);
        CountDownLatch goOn = new CountDownLatch(1);
        Thread first = Thread.currentThread();
        CredentialsProvider vault = () -> {
            if (Thread.currentThread() == first) {
                return token("new");
            }
            asked.countDown();
            assertTrue(goOn.await(20, TimeUnit.SECONDS));
            return token("old");
        };
        Login login = new Login(RemoteAccess.defaults().withCredentials(vault));
        FutureTask<Authentication> slow = new FutureTask<>(login::ask);
        Thread thread = new Thread(slow);
        thread.start();
        try {
            assertTrue(asked.await(20, TimeUnit.SECONDS));
            assertEquals("new", login.ask().password());
        } finally {
            goOn.countDown();
            thread.join();
        }
        assertEquals("new", login.latest().password());
        assertEquals("new", slow.get().password());
    }

    @Test
    void onePasswordThatStaysIsNotAskedForAgain() throws Exception {
        Login login = new Login(RemoteAccess.defaults().withPassword(Secret.of("a")));
        assertFalse(login.rotates());
        assertNull(login.askAgain(login.ask()));
        assertEquals(
                new Authentication("app", ""), new Login(RemoteAccess.defaults().withUsername("app")).ask());
        assertFalse(new Login(RemoteAccess.defaults()).isNeeded());
    }

    @Test
    void whatExpiresIsAskedForWhenFourFifthsAreOver() throws Exception {
        Instant start = clock.now;
        given.add(token("a").expiringAt(start.plusSeconds(100)));
        given.add(token("b").expiringAt(start.plusSeconds(200)));
        Login login = login();
        Authentication first = login.ask();
        clock.now = start.plusSeconds(79);
        login.askIfDue();
        assertEquals(first, login.latest());
        clock.now = start.plusSeconds(80);
        login.askIfDue();
        assertEquals(new Authentication("app", "b"), login.latest());
    }

    @Test
    void aProviderThatFailsOrGivesNothingSaysWhy() {
        Login failing = new Login(RemoteAccess.defaults().withCredentials(() -> {
            throw new IllegalStateException("the vault is sealed");
        }));
        CredentialsException e = assertThrows(CredentialsException.class, failing::ask);
        assertTrue(e.getMessage().contains("the vault is sealed"), e.getMessage());
        Login empty = new Login(RemoteAccess.defaults().withCredentials(() -> null));
        assertThrows(CredentialsException.class, empty::ask);
    }

    @Test
    void oneLooksAgainATwentiethOfTheLifeLaterButWithinASecond() {
        Instant start = clock.now;
        assertEquals(Duration.ofMillis(100), new Lifetime(start, start.plusSeconds(2)).pause(start));
        assertEquals(Duration.ofMillis(50), new Lifetime(start, start.plusMillis(10)).pause(start));
        assertEquals(Duration.ofSeconds(1), new Lifetime(start, start.plusSeconds(900)).pause(start));
        assertEquals(Duration.ofSeconds(1), new Lifetime(start, null).pause(start));
        assertFalse(new Lifetime(start, null).isDue(start.plusSeconds(1_000_000)));
        assertTrue(new Lifetime(start, start.minusSeconds(1)).isDue(start), "expired when it was given");
    }

    @Test
    void aLogInThatWasBrokenOffIsTriedAgainWithOtherWordsOnly() throws Exception {
        given.add(token("a"));
        given.add(token("b"));
        Login login = login();
        Authentication begun = login.ask();
        assertEquals(new Authentication("app", "b"), login.otherThan(begun));
        assertNull(login.otherThan(new Authentication("app", "b")));
        assertEquals(List.of(), refused, "nobody refused it");
        Login constant = new Login(RemoteAccess.defaults().withPassword(Secret.of("a")));
        assertNull(constant.otherThan(constant.ask()));
    }

    @Test
    void whatHasExpiredIsAskedForOnceASecond() {
        Instant start = clock.now;
        assertEquals(Duration.ofSeconds(1), new Lifetime(start, start.minusSeconds(1)).pause(start));
        assertEquals(Duration.ofSeconds(1), new Lifetime(start, start.plusSeconds(2)).pause(start.plusSeconds(2)));
    }

    @Test
    void anErrorOfTheProviderIsNamedWithItsType() {
        Login login = new Login(RemoteAccess.defaults().withCredentials(() -> {
            throw new NoClassDefFoundError("com/cloud/Signer");
        }));
        CredentialsException e = assertThrows(CredentialsException.class, login::ask);
        assertTrue(e.getMessage().contains("NoClassDefFoundError: com/cloud/Signer"), e.getMessage());
    }

    @Test
    void aProviderThatFailsToHearOfARefusalIsAskedAllTheSame() throws Exception {
        List<Credentials> left = new ArrayList<>(List.of(token("a"), token("b")));
        Login login = new Login(RemoteAccess.defaults().withCredentials(new CredentialsProvider() {
            @Override
            public Credentials get() {
                return left.remove(0);
            }

            @Override
            public void refused(Credentials credentials) {
                throw new UnsupportedOperationException("not needed");
            }
        }));
        assertEquals(new Authentication(null, "b"), login.askAgain(login.ask()));
    }

    @Test
    void aProviderThatHangsTakesAFewThreadsAndIsUsedAgainWhenItAnswers() throws Exception {
        CountDownLatch goOn = new CountDownLatch(1);
        AtomicInteger hanging = new AtomicInteger();
        Login login = new Login(RemoteAccess.defaults()
                .withConnectTimeout(Duration.ofMillis(100))
                .withCredentials(() -> {
                    hanging.incrementAndGet();
                    assertTrue(goOn.await(20, TimeUnit.SECONDS));
                    return token("a");
                }));
        List<FutureTask<Authentication>> questions = new ArrayList<>();
        for (int i = 0; i < 3 * Login.MOST_QUESTIONS; i++) {
            FutureTask<Authentication> question = new FutureTask<>(login::ask);
            questions.add(question);
            new Thread(question).start();
        }
        int refused = 0;
        while (refused < 2 * Login.MOST_QUESTIONS - 1) {
            refused = (int) questions.stream().filter(FutureTask::isDone).count();
            Thread.onSpinWait();
        }
        assertEquals(Login.MOST_QUESTIONS + 1, hanging.get(), "one more than there are places");
        CredentialsException e = assertThrows(CredentialsException.class, login::ask);
        assertTrue(e.getMessage().contains("has not answered any of 16 questions"), e.getMessage());
        goOn.countDown();
        assertEquals("a", login.ask().password());
    }
}
