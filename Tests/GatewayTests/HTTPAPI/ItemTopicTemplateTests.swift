import SluiceCore
import Testing

@testable import Gateway

@Suite("ItemTopicTemplate")
struct ItemTopicTemplateTests {
    @Test("placeholders are filled in")
    func fills() throws {
        let template = try ItemTopicTemplate("db/{table}/{operation}/{key}!")
        #expect(try template.topic(table: "orders", key: "4/2", operation: .modify).name == "db/orders/MODIFY/4/2!")
        #expect(template.dependsOnOperation)
        #expect(try ItemTopicTemplate.standard.topic(table: "t", key: "k", operation: .insert).name == "tables/t/k")
        #expect(try ItemTopicTemplate(ItemTopicTemplate.standard.text) == .standard)
        #expect(try ItemTopicTemplate("all").topic(table: "t", key: "k", operation: .remove).name == "all")
    }

    @Test("no two items of different tables share a topic, so that rights tell them apart")
    func tables() throws {
        let parts = ["a", "b", "c", "/", "%", "%2F", "2F"]
        var owners: [String: String] = [:]
        let names = parts + parts.flatMap { one in parts.map { one + $0 } }
        for table in names {
            for key in names {
                let topic = try ItemTopicTemplate.standard.topic(table: table, key: key, operation: .insert).name
                let owner = "\(table)\u{0}\(key)"
                #expect(owners.updateValue(owner, forKey: topic).map { $0 == owner } ?? true, "\(topic)")
            }
        }
        let topic = try ItemTopicTemplate.standard.topic(table: "a/b", key: "c/d", operation: .insert)
        #expect(topic.name == "tables/a%2Fb/c/d")
        let patterns = try (TopicPattern("tables/a/#"), TopicPattern("tables/a%2Fb/#"))
        #expect(!patterns.0.matches(topic) && patterns.1.matches(topic))
    }

    @Test(
        "a template that can't make topics is refused",
        arguments: ["", "{", "a/{table", "{tables}", "{}", "a+/{key}", "a\n{key}"]
    )
    func refused(text: String) {
        #expect(throws: TopicError.self) { try ItemTopicTemplate(text) }
    }

    @Test("a key that makes no topic is refused")
    func badKey() {
        #expect(throws: TopicError.self) {
            try ItemTopicTemplate.standard.topic(table: "t", key: "a#", operation: .insert)
        }
    }
}
