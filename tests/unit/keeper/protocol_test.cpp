// SPDX-License-Identifier: MIT
#include "keeper/protocol.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/resource.h>

#include <string>

#include "keeper/start_spec.hpp"

namespace bansuri::keeper {
namespace {

std::vector<std::byte> bytes_of(const std::string& text) {
    const auto* first = reinterpret_cast<const std::byte*>(text.data());
    return {first, first + text.size()};
}

StartSpec example() {
    StartSpec spec;
    spec.argv = {"/bin/sh", "-c", "echo hello", nullptr};
    spec.environment = {"PATH=/bin", "EMPTY=", nullptr};
    spec.working_directory = "/srv/data";
    spec.output = {TargetKind::file, "/var/log/x.log"};
    spec.error = {TargetKind::combined, ""};
    spec.survive = Survive::none;
    spec.stop_timeout_us = 2'500'000;
    spec.label = std::string_view("la\0bel", 6);
    spec.identity = {1000, 1001, {4, 27, 1001}};
    spec.priority = -5;
    spec.umask = 027;
    spec.limits = {{RLIMIT_CORE, 0, 0, 0}, {RLIMIT_NOFILE, 0, 100, 200}};
    spec.cgroup_limits = {512 << 20, 50, 150'000};
    return spec;
}

std::vector<std::string> texts(const std::vector<const char*>& list) {
    EXPECT_FALSE(list.empty());
    EXPECT_EQ(list.back(), nullptr);
    return {list.begin(), list.end() - 1};
}

TEST(KeeperProtocol, GivenAStartSpec_WhenEncodedAndParsed_ThenItIsTheSame) {
    const auto bytes = encode_start(example());
    const auto spec = parse_start(bytes);
    ASSERT_TRUE(spec);
    EXPECT_EQ(texts(spec->argv), (std::vector<std::string>{"/bin/sh", "-c", "echo hello"}));
    EXPECT_EQ(texts(spec->environment), (std::vector<std::string>{"PATH=/bin", "EMPTY="}));
    EXPECT_STREQ(spec->working_directory, "/srv/data");
    EXPECT_EQ(spec->output.kind, TargetKind::file);
    EXPECT_STREQ(spec->output.path, "/var/log/x.log");
    EXPECT_EQ(spec->error.kind, TargetKind::combined);
    EXPECT_EQ(spec->survive, Survive::none);
    EXPECT_EQ(spec->stop_timeout_us, 2'500'000);
    EXPECT_EQ(spec->label, std::string_view("la\0bel", 6));
    ASSERT_TRUE(spec->identity);
    EXPECT_EQ(spec->identity->user, 1000U);
    EXPECT_EQ(spec->identity->group, 1001U);
    EXPECT_EQ(spec->identity->groups, (std::vector<std::uint32_t>{4, 27, 1001}));
    EXPECT_EQ(spec->priority, -5);
    EXPECT_EQ(spec->umask, 027U);
    ASSERT_EQ(spec->limits.size(), 2U);
    EXPECT_EQ(spec->limits[1].resource, unsigned{RLIMIT_NOFILE});
    EXPECT_EQ(spec->limits[1].soft, 100U);
    EXPECT_EQ(spec->limits[1].hard, 200U);
    EXPECT_EQ(spec->cgroup_limits.memory, 512U << 20);
    EXPECT_EQ(spec->cgroup_limits.processes, 50U);
    EXPECT_EQ(spec->cgroup_limits.cpu_quota_us, 150'000U);
}

TEST(KeeperProtocol, GivenAnIdentityThatIsNone_ThenTheSpecIsRefused) {
    const auto refused = [](const Identity& identity) {
        StartSpec spec = example();
        spec.identity = identity;
        return !parse_start(encode_start(spec));
    };
    const std::uint32_t nobody = ~0U;  // "leave it as it is", for the calls that are made of it
    EXPECT_FALSE(refused({1, 1, {}}));
    EXPECT_TRUE(refused({nobody, 1, {}}));
    EXPECT_TRUE(refused({1, nobody, {}}));
    EXPECT_TRUE(refused({1, 1, {1, nobody}}));
    EXPECT_TRUE(refused({1, 1, {2, 1}})) << "not in order";
    EXPECT_TRUE(refused({1, 1, {2, 2}}));
    EXPECT_TRUE(refused({1, 1, std::vector<std::uint32_t>(max_groups + 1, 1)}));
}

TEST(KeeperProtocol, GivenAStartSpec_WhenCutAnywhereOrPadded_ThenItIsRefused) {
    const auto bytes = encode_start(example());
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_FALSE(parse_start(std::span(bytes).first(size))) << size;
    }
    auto padded = bytes;
    padded.push_back(std::byte{0});
    EXPECT_FALSE(parse_start(padded));
}

TEST(KeeperProtocol, GivenCountsThatLie_ThenTheSpecIsRefusedWithoutMakingRoomForThem) {
    auto bytes = encode_start(example());
    for (const std::size_t offset : {0U, 4U}) {
        auto lie = bytes;
        for (std::size_t i = 0; i < 4; ++i) lie[offset + i] = std::byte{0xff};
        EXPECT_FALSE(parse_start(lie));
    }
    StartSpec nothing = example();
    nothing.argv = {nullptr};
    EXPECT_FALSE(parse_start(encode_start(nothing)));
}

TEST(KeeperProtocol, GivenALabelThatIsTooLong_ThenItIsCutAndAStatedLengthBeyondTheEndIsRefused) {
    const std::string label(max_label + 1, 'x');
    StartSpec spec = example();
    spec.label = label;
    auto bytes = encode_start(spec);
    EXPECT_EQ(parse_start(bytes)->label.size(), max_label);
    constexpr std::size_t offset_of_length = 20;
    bytes[offset_of_length] = bytes[offset_of_length + 1] = std::byte{0xff};
    EXPECT_FALSE(parse_start(bytes));
}

TEST(KeeperProtocol, GivenALabelledMessage_WhenEncodedAndParsed_ThenBodyAndLabelAreTheSame) {
    Adopt adopt;
    adopt.pid = 12;
    adopt.error_pipe = 99;
    for (const std::string& label :
         {std::string(), std::string("a\0b", 3), std::string(max_label, 'x')}) {
        const LabelledPacket packet(MessageType::adopt, {5, 6}, adopt, label);
        const auto message = parse_message(packet.bytes());
        ASSERT_TRUE(message);
        EXPECT_EQ(message->header.id(), (AttemptId{5, 6}));
        const auto parsed = parse_labelled<Adopt>(*message);
        ASSERT_TRUE(parsed);
        EXPECT_EQ(parsed->body.pid, 12);
        EXPECT_EQ(parsed->body.error_pipe, 99U);
        EXPECT_EQ(parsed->label, label);
    }
    const auto short_body = encode(MessageType::adopt, {5, 6}, End{});
    EXPECT_FALSE(parse_labelled<Adopt>(*parse_message(short_body)));
    std::array<std::byte, sizeof(Adopt) + max_label + 1> long_body{};
    const Message message{{}, long_body};
    EXPECT_FALSE(parse_labelled<Adopt>(message));
}

TEST(KeeperProtocol, GivenAFixedMessage_WhenEncodedAndParsed_ThenHeaderAndBodyAreTheSame) {
    Exited sent;
    sent.wait_status = 0x2a00;
    sent.usage.user_us = 12;
    const auto packet = encode(MessageType::exited, {77, 3}, sent, flag_also_gone);
    const auto message = parse_message(packet);
    ASSERT_TRUE(message);
    EXPECT_EQ(message->header.id(), (AttemptId{77, 3}));
    EXPECT_EQ(message->header.flags, flag_also_gone);
    const auto body = parse_body<Exited>(*message);
    ASSERT_TRUE(body);
    EXPECT_EQ(body->wait_status, 0x2a00);
    EXPECT_EQ(body->usage.user_us, 12);
    EXPECT_FALSE(parse_body<Gone>(*message));
}

TEST(KeeperProtocol, GivenAHeaderThatDoesNotFit_ThenThereIsNoMessage) {
    const auto packet = encode(MessageType::end, {1, 1}, End{});
    EXPECT_TRUE(parse_message(packet));
    EXPECT_FALSE(parse_message(std::span(packet).first(packet.size() - 1)));
    EXPECT_FALSE(parse_message(std::span(packet).first(10)));
    EXPECT_FALSE(parse_message({}));
    auto other = packet;
    other[0] ^= std::byte{1};
    EXPECT_FALSE(parse_message(other));
    EXPECT_FALSE(parse_message(std::vector<std::byte>(max_packet + 1)));
}

TEST(KeeperProtocol, GivenMoreSurvivorsThanAreNamed_ThenTheNamedOnesAreWithinBounds) {
    Gone gone;
    gone.survivors = 1'000'000;
    EXPECT_EQ(gone.named().size(), max_survivors);
    gone.survivors = 2;
    EXPECT_EQ(gone.named().size(), 2U);
}

RC_GTEST_PROP(KeeperProtocol, AnyBytesAreParsedWithoutHarm, (const std::string& text)) {
    const auto bytes = bytes_of(text);
    parse_message(bytes);
    if (const auto spec = parse_start(bytes)) RC_ASSERT(spec->argv.back() == nullptr);
}

RC_GTEST_PROP(KeeperProtocol, AnyChangedByteOfASpecIsParsedWithoutHarm, ()) {
    auto bytes = encode_start(example());
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    bytes[at] = static_cast<std::byte>(*rc::gen::arbitrary<unsigned char>());
    if (const auto spec = parse_start(bytes)) {
        RC_ASSERT(spec->argv.size() >= 2);
        RC_ASSERT(spec->error.path != nullptr);
    }
}

}  // namespace
}  // namespace bansuri::keeper
