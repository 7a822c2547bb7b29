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

    @Test(
        "a template that can't make topics is refused",
        arguments: ["", "{", "a/{table", "{tables}", "{}", "a+/{key}", "a\n{key}"]
    )
    func refused(text: String) {
        #expect(throws: APIError.self) { try ItemTopicTemplate(text) }
    }

    @Test("a key that makes no topic is refused")
    func badKey() {
        #expect(throws: APIError.self) {
            try ItemTopicTemplate.standard.topic(table: "t", key: "a#", operation: .insert)
        }
    }
}
